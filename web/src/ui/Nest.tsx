import { cx } from './cx';
import { scatter, Shell } from './Egg';

interface Twig {
  d: string;
  width: number;
  opacity: number;
}

/** Twigs of a bowl: bent strokes that follow its round, thicker below. */
function twigs(seed: number, count: number, depthFrom: number, depthTo: number): Twig[] {
  const next = scatter(seed);
  return Array.from({ length: count }, () => {
    const depth = depthFrom + (depthTo - depthFrom) * next();
    const wide = 150 - depth * 38;
    const from = -wide + next() * wide * 1.5;
    const to = Math.min(wide + 14, from + 60 + next() * 120);
    const at = (x: number) => 112 + depth * 62 * Math.sqrt(Math.max(0, 1 - (x / (wide + 16)) ** 2)) + (next() - 0.5) * 10;
    const middle = (from + to) / 2;
    return {
      d: `M${(180 + from).toFixed(1)} ${at(from).toFixed(1)} Q${(180 + middle).toFixed(1)} ${(at(middle) + 7).toFixed(1)} ${(180 + to).toFixed(1)} ${at(to).toFixed(1)}`,
      width: 1.4 + next() * 1.8,
      opacity: 0.45 + next() * 0.5,
    };
  });
}

const BACK = twigs(7, 16, 0, 0.22);
const FRONT = twigs(23, 84, 0.1, 1);

const EGGS = [
  { seed: 5, at: 'translate(92 30) rotate(-12 18 18) scale(2.7)' },
  { seed: 2, at: 'translate(176 22) rotate(14 18 18) scale(2.8)' },
  { seed: 0, at: 'translate(128 42) rotate(2 18 18) scale(3)' },
] as const;

/** A picture of the place: three eggs in a nest. */
export function Nest({ className }: { className?: string }) {
  const draw = (list: readonly Twig[]) =>
    list.map((t, i) => <path key={i} d={t.d} strokeWidth={t.width} opacity={t.opacity} />);
  return (
    <svg viewBox="0 0 360 200" className={cx('text-ink-3', className)} fill="none" stroke="currentColor" strokeLinecap="round" aria-hidden="true" focusable="false">
      {draw(BACK)}
      <g stroke="none">
        {EGGS.map((egg) => (
          <g key={egg.seed} transform={egg.at}>
            <Shell seed={egg.seed} />
          </g>
        ))}
      </g>
      {draw(FRONT)}
    </svg>
  );
}
