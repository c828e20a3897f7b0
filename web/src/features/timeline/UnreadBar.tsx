import { Icon } from '@/ui/Icon';

interface UnreadBarProps {
  /** How many are unread; empty: no bar. */
  count: string;
  onJump: () => void;
  onDismiss: () => void;
}

/** Above the conversation while its first unread line is further up. The region is always there; its words come and go. */
export function UnreadBar({ count, onJump, onDismiss }: UnreadBarProps) {
  return (
    <div role="status" className="pointer-events-none absolute inset-x-0 top-2 z-10 flex justify-center px-3">
      {count ? (
        <div className="pointer-events-auto flex max-w-full animate-rise items-center rounded-full bg-ember text-sm font-semibold text-on-ember shadow-lift">
          <button type="button" onClick={onJump} className="tap inline-flex min-w-0 items-center gap-2 rounded-full pr-2 pl-4">
            <Icon name="down" className="size-4 rotate-180" />
            <span className="truncate">
              {count} unread<span className="max-sm:sr-only">, jump to the first</span>
            </span>
          </button>
          <button type="button" aria-label="Do not jump" onClick={onDismiss} className="tap inline-flex items-center justify-center rounded-full pr-1">
            <Icon name="close" className="size-4" />
          </button>
        </div>
      ) : null}
    </div>
  );
}
