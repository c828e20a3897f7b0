import { useEffect, useState } from 'react';

const clock = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });
const whole = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'short' });
const longDay = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
const longDate = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long', year: 'numeric' });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });

export const clockTime = (atMs: number) => clock.format(atMs);
export const wholeTime = (atMs: number) => whole.format(atMs);

const capital = (text: string) => text.charAt(0).toLocaleUpperCase() + text.slice(1);

export const midnight = (ms: number) => new Date(ms).setHours(0, 0, 0, 0);

/** `today`: the last midnight. */
export function dayName(atMs: number, today: number): string {
  const days = Math.round((midnight(atMs) - today) / 86_400_000);
  if (days === 0 || days === -1) return capital(relative.format(days, 'day'));
  if (days < 0 && days > -7) return longDay.format(atMs);
  return longDate.format(atMs);
}

const CHECK_MS = 30_000;

/** The last midnight here. Changes when the local day does, so that "Today" does not stay so. */
export function useToday(): number {
  const [today, setToday] = useState(() => midnight(Date.now()));
  useEffect(() => {
    const timer = setInterval(() => setToday(midnight(Date.now())), CHECK_MS);
    return () => clearInterval(timer);
  }, []);
  return today;
}
