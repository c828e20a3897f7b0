import { cx } from './cx';

/* A person's picture until there are real ones: a speckled egg, the same for the same id everywhere. Shells are
 * pale enough for a dark letter at 7:1 in both themes. */
const SHELLS = [
  ['#bfe0d6', '#5d8f83'],
  ['#cfe3c4', '#76965f'],
  ['#f0dcc0', '#b98a4d'],
  ['#f2cfc0', '#b8745a'],
  ['#dcd3ec', '#8a78b4'],
  ['#c5dcec', '#5f8bad'],
  ['#f3e3ad', '#b0953b'],
  ['#eccfd9', '#b06c84'],
  ['#d5dcd9', '#7c8b86'],
  ['#c2e3e3', '#52908f'],
] as const;

const EGG = 'M18 1.5c7.2 0 14.2 9.8 14.2 18.6C32.2 29 26 34.5 18 34.5S3.8 29 3.8 20.1C3.8 11.3 10.8 1.5 18 1.5Z';

/** A small generator (mulberry32), so that what is drawn by it is scattered but never changes. */
export function scatter(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function speckles(seed: number): { x: number; y: number; r: number }[] {
  const next = scatter(seed);
  return Array.from({ length: 9 }, () => {
    // on a ring about the letter, so that they never cross it
    const turn = next() * Math.PI * 2;
    const far = 0.72 + next() * 0.2;
    return { x: 18 + Math.cos(turn) * 13 * far, y: 20 + Math.sin(turn) * 14 * far, r: 0.6 + next() * 0.9 };
  });
}

/** Shell and speckles on a 36 by 36 field. */
export function Shell({ seed }: { seed: number }) {
  const [shell, speck] = SHELLS[seed % SHELLS.length] ?? SHELLS[0];
  return (
    <>
      <path d={EGG} fill={shell} />
      {speckles(seed).map((s, i) => (
        <circle key={i} cx={s.x} cy={s.y} r={s.r} fill={speck} opacity="0.75" />
      ))}
    </>
  );
}

export function Egg({ seed, name, className }: { seed: number; name: string; className?: string }) {
  const mixed = Math.floor(scatter(seed % 4294967296)() * 4294967296);
  const letter = Array.from(name.trim())[0]?.toLocaleUpperCase() ?? '?';
  return (
    <svg viewBox="0 0 36 36" className={cx('egg shrink-0', className ?? 'size-9')} aria-hidden="true" focusable="false">
      <Shell seed={mixed} />
      <text x="18" y="25.6" textAnchor="middle" fontSize="15" fontWeight="700" fill="#1b2625">
        {letter}
      </text>
    </svg>
  );
}
