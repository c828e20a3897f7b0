import { useEffect, useState } from 'react';
import { plainText } from '@/features/timeline/markdown';
import { wholeTime } from '@/features/timeline/time';
import { failureOf } from '@/state/commands';
import { useApp, useCommands, useName } from '@/state/hooks';
import { pinsText } from '@/state/pins';
import { findLine, type Line } from '@/state/timeline';
import { Button, IconButton } from '@/ui/Button';
import { Icon } from '@/ui/Icon';

const TEXT_CHARS = 280;

interface PinsPanelProps {
  room: number;
  onJump: (seq: number) => void;
  onClose: () => void;
}

/** Pinned lines, the latest pin first, as they read now. */
export function PinsPanel({ room, onJump, onClose }: PinsPanelProps) {
  const commands = useCommands();
  const pins = useApp((s) => s.pins.get(room));
  const [list, setList] = useState<{ lines: readonly Line[]; more: boolean } | null>(null);
  const [before, setBefore] = useState(0);
  const [error, setError] = useState('');
  const byLine = pins?.byLine;

  // With each pin that comes or goes the list is read anew, as far as it was open.
  useEffect(() => {
    let alive = true;
    commands.pins(room, before).then(
      (page) => {
        if (!alive) return;
        setError('');
        setList((now) => ({
          more: page.more,
          lines: before === 0 ? page.lines : [...(now?.lines ?? []).filter((l) => (l.pinned?.seq ?? 0) >= before), ...page.lines],
        }));
      },
      (e: unknown) => alive && setError(failureOf(e).detail),
    );
    return () => {
      alive = false;
    };
  }, [commands, room, before, byLine]);

  const shown = (list?.lines ?? []).filter((l) => l.text !== null && (byLine === undefined || byLine.has(l.seq) || pins?.more === true));

  return (
    <section aria-label="Pinned messages" className="flex h-full min-h-0 flex-col">
      <div className="flex h-14 shrink-0 items-center justify-between border-b border-line pr-2 pl-4">
        <div>
          <h2 className="text-sm leading-5 font-bold">Pinned messages</h2>
          <p className="text-xs text-ink-3">{pins ? `${pinsText(pins)} in this room` : '…'}</p>
        </div>
        <IconButton icon="close" label="Close the pinned messages" onClick={onClose} />
      </div>
      <div className="thin-scroll min-h-0 flex-1 overflow-y-auto p-2" aria-busy={list === null && error === ''}>
        {error ? (
          <p role="alert" className="p-2 text-sm text-danger">
            {error}
          </p>
        ) : null}
        {list && shown.length === 0 && !error ? (
          <p className="p-3 text-sm text-ink-2">Nothing is pinned here yet. Pin a message from its menu, and everybody finds it in this list.</p>
        ) : null}
        <ul className="space-y-1">
          {shown.map((line) => (
            <PinnedLine key={line.seq} room={room} line={line} onJump={onJump} onUnpin={() => commands.pin(room, line.seq, false)} />
          ))}
        </ul>
        {list?.more && shown.length > 0 ? (
          <Button className="mt-2 w-full" onClick={() => setBefore(list.lines.at(-1)?.pinned?.seq ?? 0)}>
            Show older pins
          </Button>
        ) : null}
      </div>
    </section>
  );
}

function PinnedLine({ room, line, onJump, onUnpin }: { room: number; line: Line; onJump: (seq: number) => void; onUnpin: () => void }) {
  // An edit of a line that is loaded shows here too.
  const here = useApp((s) => {
    const t = s.timelines.get(room);
    return t ? findLine(t, line.seq) : undefined;
  });
  const waits = useApp((s) => s.outbox.entries.some((e) => e.room === room && e.work.what === 'pin' && e.work.target === line.seq));
  const name = useName(line.user);
  const text = plainText(here?.text ?? line.text ?? '', TEXT_CHARS);
  return (
    <li className="group rounded-md p-2 hover:bg-page">
      <div className="flex items-baseline gap-2">
        <bdi className="min-w-0 truncate text-sm font-semibold">{name}</bdi>
        <time dateTime={new Date(line.atMs).toISOString()} className="min-w-0 truncate text-xs text-ink-3">
          {wholeTime(line.atMs)}
        </time>
      </div>
      <p dir="auto" className="line-clamp-4 text-sm text-ink-2 wrap-anywhere">
        {text}
      </p>
      <div className="mt-1 flex items-center gap-1">
        <button type="button" className="tap rounded-md px-2 text-sm font-semibold text-accent underline underline-offset-2" aria-label={`Go to it: ${text}`} onClick={() => onJump(line.seq)}>
          Go to it
        </button>
        {waits ? (
          <span className="flex items-center gap-1 px-2 text-xs text-ink-3">
            <Icon name="clock" className="size-3.5" /> waits to be stored
          </span>
        ) : (
          <button type="button" className="tap rounded-md px-2 text-sm text-ink-2 underline underline-offset-2" aria-label={`Take the pin away: ${text}`} onClick={onUnpin}>
            Take the pin away
          </button>
        )}
      </div>
    </li>
  );
}
