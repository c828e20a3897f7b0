/* Chance with a seed: the same seed asks for the same things in the same order. What the machine does in between is not
 * in its hand, so a run is not repeated exactly, but its load and its faults are. */
export function newRandom(seed) {
  let state = (seed ^ 0x9e3779b9) >>> 0 || 1;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const below = (n) => Math.floor(next() * n);
  return {
    next,
    below,
    /** True once in n times. */
    once: (n) => below(n) === 0,
    of: (list) => list[below(list.length)],
    /** Of rows [weight, value]. */
    weighted(rows) {
      let at = next() * rows.reduce((sum, [weight]) => sum + weight, 0);
      for (const [weight, value] of rows) if ((at -= weight) < 0) return value;
      return rows.at(-1)[1];
    },
    shuffled(list) {
      const out = [...list];
      for (let i = out.length - 1; i > 0; i--) {
        const j = below(i + 1);
        [out[i], out[j]] = [out[j], out[i]];
      }
      return out;
    },
  };
}

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

export async function until(what, ok, ms) {
  for (const end = Date.now() + ms; ; await sleep(25)) {
    const got = await ok();
    if (got) return got;
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${typeof what === 'function' ? what() : what}`);
  }
}
