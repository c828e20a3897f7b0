import { cx } from '@/ui/cx';
import { Egg } from '@/ui/Egg';
import type { Mentions } from './useMentions';

/** Above the text field; the keys are the field's. */
export function MentionList({ mentions }: { mentions: Mentions }) {
  const { options, active, listId, optionId, pick, status } = mentions;
  return (
    <>
      <span role="status" className="sr-only">
        {status}
      </span>
      {options.length > 0 ? (
        <ul
          id={listId}
          role="listbox"
          aria-label="Members to mention"
          className="thin-scroll absolute inset-x-3 bottom-full z-20 mb-1 max-h-72 max-w-sm animate-rise overflow-y-auto rounded-lg border border-line bg-raised p-1.5 shadow-lift sm:inset-x-5"
        >
          {options.map((member, i) => (
            <li
              key={member.id}
              id={optionId(i)}
              role="option"
              aria-selected={i === active}
              // The focus stays in the text.
              onPointerDown={(e) => e.preventDefault()}
              onClick={() => pick(member)}
              className={cx('tap flex cursor-pointer items-center gap-2.5 rounded-md px-2.5 text-sm', i === active ? 'bg-accent-soft text-ink' : 'text-ink hover:bg-page')}
            >
              <Egg seed={member.id} name={member.name} className="size-7" />
              <bdi className="min-w-0 flex-1 truncate font-semibold">{member.name}</bdi>
              {member.role === 'member' ? null : <span className="text-xs text-ink-3">{member.role}</span>}
            </li>
          ))}
        </ul>
      ) : null}
    </>
  );
}
