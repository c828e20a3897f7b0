import { cx } from './cx';

/* Our own strokes on a 20 px grid, 1.6 px wide with round ends, so that they sit calmly beside the letters. */
const PATHS = {
  menu: 'M3.5 6h13M3.5 10h13M3.5 14h9',
  plus: 'M10 4.5v11M4.5 10h11',
  search: 'M9 14.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11ZM13.2 13.2 17 17',
  hash: 'M7.8 3.5 6.4 16.5M13.6 3.5l-1.4 13M3.8 7.5h13M3.2 12.5h13',
  lock: 'M5.5 9h9a1 1 0 0 1 1 1v5.5a1 1 0 0 1-1 1h-9a1 1 0 0 1-1-1V10a1 1 0 0 1 1-1ZM7 9V6.5a3 3 0 0 1 6 0V9',
  person: 'M10 10a3.25 3.25 0 1 0 0-6.5 3.25 3.25 0 0 0 0 6.5ZM4 16.5c.6-2.8 3-4.2 6-4.2s5.4 1.4 6 4.2',
  people:
    'M7.5 9.5a2.75 2.75 0 1 0 0-5.5 2.75 2.75 0 0 0 0 5.5ZM2.5 16c.4-2.6 2.4-4 5-4s4.6 1.4 5 4M13 4.2a2.7 2.7 0 0 1 0 5.1M14.6 12.2c1.6.5 2.6 1.8 2.9 3.8',
  send: 'M10 16V4.5M5 9l5-5 5 5',
  pencil: 'M4 16l.8-3.2L13 4.6a1.4 1.4 0 0 1 2 0l.4.4a1.4 1.4 0 0 1 0 2L7.2 15.2 4 16ZM11.6 6l2.4 2.4',
  trash: 'M4 6h12M8 6V4.5h4V6M5.5 6l.7 10h7.6l.7-10M8.5 9v4.5M11.5 9v4.5',
  clock: 'M10 16.5a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13ZM10 6.5V10l2.4 1.6',
  alert: 'M10 3.5 17 16H3L10 3.5ZM10 8.2v3.6M10 13.9v.1',
  close: 'M5 5l10 10M15 5 5 15',
  sun: 'M10 13a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM10 2.5v1.5M10 16v1.5M2.5 10H4M16 10h1.5M4.7 4.7l1 1M14.3 14.3l1 1M15.3 4.7l-1 1M5.7 14.3l-1 1',
  moon: 'M16 11.8A6.5 6.5 0 0 1 8.2 4 6.5 6.5 0 1 0 16 11.8Z',
  screen: 'M3.5 4.5h13v9h-13zM7.5 16.5h5M10 13.5v3',
  down: 'M10 4.5V16M5 11l5 5 5-5',
  chevron: 'M6 8l4 4 4-4',
  leave: 'M8 4H5a1 1 0 0 0-1 1v10a1 1 0 0 0 1 1h3M12.5 13.5 16 10l-3.5-3.5M16 10H8',
  help: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM7.9 8c.2-1.2 1-1.9 2.2-1.9 1.2 0 2.1.7 2.1 1.8 0 1.5-2.2 1.6-2.2 3.2M10 13.7v.1',
  compass: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM12.8 7.2l-1.6 4-4 1.6 1.6-4 4-1.6Z',
  eye: 'M2.5 10S5 5 10 5s7.5 5 7.5 5-2.5 5-7.5 5-7.5-5-7.5-5ZM10 12a2 2 0 1 0 0-4 2 2 0 0 0 0 4Z',
  eyeOff: 'M3.5 3.5l13 13M8.2 5.2A8 8 0 0 1 10 5c5 0 7.5 5 7.5 5a12 12 0 0 1-2 2.6M12.6 14.5A8 8 0 0 1 10 15c-5 0-7.5-5-7.5-5a12 12 0 0 1 3.2-3.6',
  check: 'M4.5 10.5l3.5 3.5 7.5-8',
  dots: 'M5 10h.01M10 10h.01M15 10h.01',
  back: 'M11.5 5 6.5 10l5 5',
  reply: 'M8 5.5 3.5 10 8 14.5M3.5 10h8.5a4.5 4.5 0 0 1 4.5 4.5',
  smile: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM7 11.5c.7 1.3 1.8 2 3 2s2.3-.7 3-2M7.5 8h.01M12.5 8h.01',
  bell: 'M5 13.5V9a5 5 0 0 1 10 0v4.5l1.5 1.5h-13L5 13.5ZM8.5 17h3',
  unread: 'M12 4.5H4.5a1 1 0 0 0-1 1V13a1 1 0 0 0 1 1H6v2.5L9 14h6a1 1 0 0 0 1-1V9.500M15.500 6.500a1.500 1.500 0 1 0 0-3 1.500 1.500 0 0 0 0 3Z',
  box: 'M3.5 5h13v3.5h-13zM5 8.5v7h10v-7M8.5 11.5h3',
  gear: 'M10 12.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM10 3v2M10 15v2M3 10h2M15 10h2M5 5l1.5 1.5M13.5 13.5 15 15M15 5l-1.5 1.5M6.5 13.5 5 15',
  message: 'M4 5h12a1 1 0 0 1 1 1v7a1 1 0 0 1-1 1H9.5L6 16.8V14H4a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1Z',
  pin: 'M7 3.5h6M8 3.5v4.5L5.5 11h9L12 8V3.5M10 11v5.5',
  link: 'M8.5 11.5a3 3 0 0 0 4.2 0l2.6-2.6a3 3 0 0 0-4.2-4.2l-1 1M11.5 8.5a3 3 0 0 0-4.2 0l-2.6 2.6a3 3 0 0 0 4.2 4.2l1-1',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, className }: { name: IconName; className?: string }) {
  return (
    <svg
      viewBox="0 0 20 20"
      className={cx('size-5 shrink-0', className)}
      fill="none"
      stroke="currentColor"
      strokeWidth={name === 'dots' ? 2.4 : 1.6}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
