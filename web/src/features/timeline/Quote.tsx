import { useEffect, useState } from 'react';
import { useApp, useCommands, useName } from '@/state/hooks';
import { findLine, type Line } from '@/state/timeline';
import { Icon } from '@/ui/Icon';
import { plainText } from './markdown';

const QUOTE_CHARS = 140;

/** The line that another one answers: as it reads now, or that it is gone. A line that is not loaded is asked for. */
export function Quote({ room, seq, onJump }: { room: number; seq: number; onJump: ((seq: number) => void) | null }) {
  const commands = useCommands();
  const here = useApp((s) => {
    const t = s.timelines.get(room);
    return t ? findLine(t, seq) : undefined;
  });
  const [read, setRead] = useState<Line | null | undefined>(undefined);
  const missing = here === undefined;
  useEffect(() => {
    if (!missing) return undefined;
    let alive = true;
    commands.lines(room, [seq]).then(
      ([line]) => alive && setRead(line ?? null),
      () => alive && setRead(null),
    );
    return () => {
      alive = false;
    };
  }, [commands, room, seq, missing]);
  const line = here ?? read;
  const name = useName(line?.user ?? 0);
  const words = !line
    ? line === null
      ? 'A message that cannot be shown'
      : '…'
    : line.text === null
      ? 'A deleted message'
      : plainText(line.text, QUOTE_CHARS);
  const content = (
    <>
      <Icon name="reply" className="size-4 shrink-0 text-ink-3" />
      {line?.text ? <bdi className="shrink-0 font-semibold">{name}</bdi> : null}
      <span className="truncate" dir="auto">
        {words}
      </span>
    </>
  );
  const look = 'flex max-w-full min-w-0 items-center gap-1.5 text-left text-sm text-ink-2';
  return onJump && line ? (
    <button type="button" className={`tap ${look} rounded-md hover:text-ink`} aria-label={`Answers ${name}: ${words}. Go to it`} onClick={() => onJump(seq)}>
      {content}
    </button>
  ) : (
    <span className={look}>{content}</span>
  );
}
