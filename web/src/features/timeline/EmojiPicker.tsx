import { useRef, useState, type KeyboardEvent } from 'react';
import { Dialog, DialogBody } from '@/ui/Dialog';
import { findEmoji } from './emoji';

const COLUMNS = 8;

/** A search and a grid: arrows walk it, Enter takes the one under the focus, or the first one found. */
export function EmojiPicker({ onPick, onClose }: { onPick: (emoji: string) => void; onClose: () => void }) {
  const [query, setQuery] = useState('');
  const input = useRef<HTMLInputElement>(null);
  const grid = useRef<HTMLDivElement>(null);
  const found = findEmoji(query);
  const move = (e: KeyboardEvent, by: number) => {
    const buttons = Array.from(grid.current?.querySelectorAll('button') ?? []);
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    const next = at + by;
    e.preventDefault();
    if (next < 0) input.current?.focus();
    else buttons[Math.min(next, buttons.length - 1)]?.focus();
  };
  return (
    <Dialog title="Add a reaction" onClose={onClose} initialFocus={input}>
      <DialogBody>
        <label htmlFor="emoji-search" className="sr-only">
          Search emoji
        </label>
        <input
          id="emoji-search"
          ref={input}
          value={query}
          autoComplete="off"
          placeholder="Search"
          onChange={(e) => setQuery(e.target.value)}
          onKeyDown={(e) => {
            if (e.key === 'ArrowDown') move(e, 1);
            else if (e.key === 'Enter' && found[0]) {
              e.preventDefault();
              onPick(found[0].emoji);
            }
          }}
          className="tap w-full rounded-md border border-field-line bg-paper px-3 text-base"
        />
        <div
          ref={grid}
          role="group"
          aria-label="Emoji"
          className="thin-scroll mt-3 grid max-h-64 grid-cols-[repeat(auto-fill,minmax(2.75rem,1fr))] overflow-y-auto"
          onKeyDown={(e) => {
            if (e.key === 'ArrowRight') move(e, 1);
            else if (e.key === 'ArrowLeft') move(e, -1);
            else if (e.key === 'ArrowDown') move(e, COLUMNS);
            else if (e.key === 'ArrowUp') move(e, -COLUMNS);
          }}
        >
          {found.map((e) => (
            <button
              key={e.emoji}
              type="button"
              aria-label={e.words}
              title={e.words}
              onClick={() => onPick(e.emoji)}
              className="tap rounded-md text-xl hover:bg-page-hover"
            >
              {e.emoji}
            </button>
          ))}
        </div>
        <p role="status" className="mt-2 text-sm text-ink-3">
          {found.length === 0 ? 'No emoji has this name.' : ''}
        </p>
      </DialogBody>
    </Dialog>
  );
}
