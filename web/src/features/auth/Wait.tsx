import { useEffect, useState } from 'react';

/** In words, the larger units first: "2 minutes 5 seconds". */
export function waitWords(ms: number): string {
  const seconds = Math.max(1, Math.ceil(ms / 1000));
  const say = (n: number, unit: string) => (n === 0 ? '' : `${n} ${unit}${n === 1 ? '' : 's'}`);
  const parts = [say(Math.floor(seconds / 3600), 'hour'), say(Math.floor(seconds / 60) % 60, 'minute'), say(seconds % 60, 'second')];
  return parts.filter(Boolean).slice(0, 2).join(' ');
}

/** Counts down to when one may try again. Read once, not each second: the seconds are for who sees them. */
export function Wait({ until, onOver }: { until: number; onOver: () => void }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => {
      setNow(Date.now());
      if (Date.now() >= until) onOver();
    }, 1000);
    return () => clearInterval(timer);
  }, [until, onOver]);
  return (
    <p role="timer" className="text-sm text-ink-2 tabular-nums">
      You can try again in {waitWords(until - now)}.
    </p>
  );
}
