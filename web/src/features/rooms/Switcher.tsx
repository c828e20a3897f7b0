import { useId, useRef, useState, type KeyboardEvent } from 'react';
import { useApp } from '@/state/hooks';
import { attentionOf, shownUnread, unreadBadge } from '@/state/rooms';
import { cx } from '@/ui/cx';
import { Dialog } from '@/ui/Dialog';
import { Icon } from '@/ui/Icon';
import { rank } from './fuzzy';
import { RoomIcon } from './RoomIcon';

/** Ctrl or Cmd and K: a few letters, Enter. Rooms with something new come first until a letter is typed. */
export function Switcher({ onClose, onPick }: { onClose: () => void; onPick: (room: number) => void }) {
  const rooms = useApp((s) => s.rooms);
  const [query, setQuery] = useState('');
  const [at, setAt] = useState(0);
  const input = useRef<HTMLInputElement>(null);
  const id = useId();

  const all = rooms.order.flatMap((room) => rooms.byId.get(room) ?? []);
  const hits = rank(query, [...all].sort((a, b) => Number(attentionOf(b) > 0) - Number(attentionOf(a) > 0)), (r) => r.name).slice(0, 50);
  const chosen = hits[Math.min(at, hits.length - 1)];

  function onKeyDown(e: KeyboardEvent): void {
    if (e.nativeEvent.isComposing) return;
    if (e.key === 'ArrowDown' || e.key === 'ArrowUp') {
      e.preventDefault();
      if (hits.length === 0) return;
      const next = (at + (e.key === 'ArrowDown' ? 1 : -1) + hits.length) % hits.length;
      setAt(next);
      document.getElementById(`${id}-${hits[next]?.id}`)?.scrollIntoView({ block: 'nearest' });
    } else if (e.key === 'Enter' && chosen) {
      e.preventDefault();
      onPick(chosen.id);
    }
  }

  return (
    <Dialog bare title="Go to a room" onClose={onClose} initialFocus={input} className="mt-[12dvh] max-w-lg">
      <div className="flex items-center gap-2.5 border-b border-line px-4">
        <Icon name="search" className="text-ink-3" />
        <input
          ref={input}
          role="combobox"
          aria-expanded="true"
          aria-controls={`${id}-list`}
          aria-activedescendant={chosen ? `${id}-${chosen.id}` : undefined}
          aria-autocomplete="list"
          aria-label="Room name"
          placeholder="Which room?"
          autoComplete="off"
          value={query}
          onChange={(e) => {
            setQuery(e.target.value);
            setAt(0);
          }}
          onKeyDown={onKeyDown}
          className="h-13 min-w-0 flex-1 bg-transparent text-base outline-none placeholder:text-ink-3"
        />
        <kbd className="rounded-sm border border-line-strong px-1.5 font-sans text-2xs text-ink-3">Esc</kbd>
      </div>
      <ul id={`${id}-list`} role="listbox" aria-label="Rooms" className="thin-scroll min-h-0 overflow-y-auto p-2">
        {hits.map((room, i) => (
          <li
            key={room.id}
            id={`${id}-${room.id}`}
            role="option"
            aria-selected={room === chosen}
            onPointerMove={() => setAt(i)}
            onClick={() => onPick(room.id)}
            className={cx(
              'flex min-h-11 cursor-pointer items-center gap-2.5 rounded-md px-3 text-sm',
              room === chosen && 'bg-accent-soft',
            )}
          >
            <RoomIcon visibility={room.visibility} className="size-4.5 text-ink-3" />
            <bdi className="min-w-0 flex-1 truncate font-semibold">{room.name}</bdi>
            {shownUnread(room) > 0 ? <span className="text-xs font-bold text-ember">{unreadBadge(room)} new</span> : null}
          </li>
        ))}
      </ul>
      <p role="status" className="px-5 pb-4 text-sm text-ink-3 empty:hidden">
        {hits.length === 0 ? 'None of your rooms fits.' : ''}
      </p>
    </Dialog>
  );
}
