/* Finds what was meant by a few letters: all of them in order, the better the closer together and nearer to the
 * beginnings of words. */
export function score(query: string, name: string): number | null {
  const q = query.toLocaleLowerCase();
  const n = name.toLocaleLowerCase();
  if (q === '') return 0;
  const at = n.indexOf(q);
  if (at >= 0 && isStart(n, at)) return 1000 + (at === 0 ? 200 : 0) - n.length;
  const whole = at >= 0 ? 15 + q.length * 10 : null; // in the middle of a word: as good as a few initials
  const ways = [whole, scattered(q, n, true), scattered(q, n, false)].filter((s) => s !== null);
  return ways.length === 0 ? null : Math.max(...ways) - n.length / 4;
}

/** Each letter at its next place; `jump`: at the next beginning of a word with it, if there is one. */
function scattered(q: string, n: string, jump: boolean): number | null {
  let total = 0;
  let from = 0;
  for (const letter of q) {
    if (letter === ' ') continue;
    const next = n.indexOf(letter, from);
    if (next < 0) return null;
    const start = jump ? nextStart(n, letter, from) : -1;
    const i = start < 0 ? next : start;
    if (i === from && from > 0) total += 12;
    total += isStart(n, i) ? 20 : -Math.min(i - from, 6);
    from = i + 1;
  }
  return total;
}

function nextStart(n: string, letter: string, from: number): number {
  for (let i = n.indexOf(letter, from); i >= 0; i = n.indexOf(letter, i + 1)) if (isStart(n, i)) return i;
  return -1;
}

function isStart(name: string, i: number): boolean {
  return i === 0 || /[\s\-_./]/.test(name[i - 1] ?? '');
}

export function rank<T>(query: string, items: readonly T[], nameOf: (item: T) => string): T[] {
  const q = query.trim();
  if (q === '') return [...items];
  return items
    .map((item, i) => ({ item, i, s: score(q, nameOf(item)) }))
    .filter((r): r is { item: T; i: number; s: number } => r.s !== null)
    .sort((a, b) => b.s - a.s || a.i - b.i)
    .map((r) => r.item);
}
