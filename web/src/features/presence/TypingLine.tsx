import { useMemo } from 'react';
import { useApp, useMe } from '@/state/hooks';
import { typingSentence } from '@/state/presence';

const NOBODY: readonly number[] = [];

/** Its height is fixed, words or none. */
export function TypingLine({ room }: { room: number }) {
  const typists = useApp((s) => s.presence.get(room)?.typists ?? NOBODY);
  const users = useApp((s) => s.users);
  const me = useMe()?.id;
  const sentence = useMemo(
    () => typingSentence(typists.filter((id) => id !== me).map((id) => users.get(id)?.name ?? 'Someone')),
    [typists, users, me],
  );
  return (
    <div className="flex h-5 items-center gap-2 px-5 text-xs text-ink-3 sm:px-7" data-testid="typing">
      {sentence ? (
        <>
          <span aria-hidden="true" className="inline-flex gap-0.5">
            <span className="size-1.5 animate-peck rounded-full bg-ink-3" />
            <span className="size-1.5 animate-peck rounded-full bg-ink-3 delay-1" />
            <span className="size-1.5 animate-peck rounded-full bg-ink-3 delay-2" />
          </span>
          <span className="truncate">{sentence}</span>
        </>
      ) : null}
    </div>
  );
}
