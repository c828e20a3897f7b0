import { memo } from 'react';
import type { Reaction } from '@/state/fold';
import { useApp, useMe } from '@/state/hooks';
import { cx } from '@/ui/cx';
import { wordsOf } from './emoji';

const NAMES_MAX = 12;

interface ReactionsProps {
  reactions: readonly Reaction[];
  /** Emoji of which one's own waits to be stored. */
  waiting: ReadonlySet<string>;
  onReact: (emoji: string, on: boolean) => void;
}

/** Emoji in the order of their first reaction, with who they are of. */
export const Reactions = memo(function Reactions({ reactions, waiting, onReact }: ReactionsProps) {
  const me = useMe()?.id ?? 0;
  const users = useApp((s) => s.users);
  if (reactions.length === 0) return null;
  const byEmoji = new Map<string, number[]>();
  for (const r of reactions) byEmoji.set(r.emoji, [...(byEmoji.get(r.emoji) ?? []), r.user]);
  const nameOf = (id: number) => (id === me ? 'you' : (users.get(id)?.name ?? 'someone'));
  return (
    <div className="mt-1 mb-0.5 flex flex-wrap gap-1" role="group" aria-label="Reactions">
      {[...byEmoji].map(([emoji, people]) => {
        const mine = people.includes(me);
        const shown = people.slice(0, NAMES_MAX).map(nameOf).join(', ');
        const rest = people.length > NAMES_MAX ? ` and ${people.length - NAMES_MAX} more` : '';
        const waits = waiting.has(emoji);
        const label = `${wordsOf(emoji)}: ${shown}${rest}${waits ? ' (yours waits to be stored)' : ''}`;
        return (
          <button
            key={emoji}
            type="button"
            aria-pressed={mine}
            aria-label={label}
            title={label}
            onClick={() => onReact(emoji, !mine)}
            className={cx(
              'tap inline-flex items-center gap-1 rounded-full border px-2 text-sm tabular-nums',
              waits && 'border-dashed',
              mine ? 'border-accent bg-accent-soft font-semibold text-accent' : 'border-line bg-raised text-ink-2 hover:bg-page-hover',
            )}
          >
            <span aria-hidden="true">{emoji}</span>
            <span aria-hidden="true">{people.length}</span>
          </button>
        );
      })}
    </div>
  );
});
