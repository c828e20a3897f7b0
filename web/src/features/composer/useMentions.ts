/* Whom an `@` in the composer may mean: members of the room by the beginning of a word of their name. The list is asked
 * of the server, for a room may have thousands; what was found is kept for a while, and a list that is whole is narrowed
 * here. The focus stays in the text. */
import { useEffect, useId, useRef, useState, type KeyboardEvent, type RefObject } from 'react';
import type { Member } from '@/state/commands';
import { useCommands, useMe } from '@/state/hooks';
import { mentionQuery } from '@/state/mentions';

const ASK_MS = 120;
const KEEP_MS = 60_000;
const KEPT_MAX = 64;
/** As many as the server gives: a shorter list is all there is. */
export const FOUND_MAX = 8;

interface Found {
  members: readonly Member[];
  atMs: number;
}

export interface Mentions {
  /** Empty: no list is shown. */
  options: readonly Member[];
  active: number;
  /** Attributes of the text field. */
  field: Record<string, string | undefined>;
  listId: string;
  optionId: (i: number) => string;
  /** What the list says to who cannot see it. */
  status: string;
  onCaret: () => void;
  /** True: the key was the list's. */
  onKeyDown: (e: KeyboardEvent) => boolean;
  pick: (member: Member) => void;
  /** Name, in lower case, to whom was meant by it: names may be shared. */
  picked: () => ReadonlyMap<string, number>;
}

const startsWord = (name: string, query: string) =>
  name.startsWith(query) || name.split(/[ ._-]/).some((word) => word.startsWith(query));

/** From a longer list that is whole: nobody new can match more letters. */
function narrowed(kept: ReadonlyMap<string, Found>, query: string, now: number): readonly Member[] | null {
  for (let len = query.length; len > 0; len--) {
    const found = kept.get(query.slice(0, len));
    if (!found || now - found.atMs > KEEP_MS) continue;
    if (len === query.length) return found.members;
    if (found.members.length < FOUND_MAX) return found.members.filter((m) => startsWord(m.name.toLowerCase(), query));
  }
  return null;
}

export function useMentions(
  room: number,
  text: string,
  area: RefObject<HTMLTextAreaElement | null>,
  setText: (text: string) => void,
): Mentions {
  const commands = useCommands();
  const me = useMe()?.id ?? 0;
  const id = useId();
  const [caret, setCaret] = useState(0);
  const [found, setFound] = useState<{ query: string; members: readonly Member[] } | null>(null);
  const [active, setActive] = useState(0);
  const [closedAt, setClosedAt] = useState(-1);
  const kept = useRef(new Map<string, Found>());
  const picked = useRef(new Map<string, number>());

  const asked = mentionQuery(text, Math.min(caret, text.length));
  const query = asked && asked.at !== closedAt ? asked.query.toLowerCase() : null;

  useEffect(() => {
    if (query === null) return undefined;
    const show = (members: readonly Member[]) => {
      setFound({ query, members: members.filter((m) => m.id !== me) });
      setActive(0);
    };
    const known = narrowed(kept.current, query, Date.now());
    const abort = new AbortController();
    const timer = setTimeout(
      () => {
        if (known) {
          show(known);
          return;
        }
        const list = query === '' ? commands.members(room, 0, abort.signal).then((a) => a.members.slice(0, FOUND_MAX + 1)) : commands.findMembers(room, query, abort.signal);
        list.then(
          (members) => {
            if (abort.signal.aborted) return;
            if (kept.current.size >= KEPT_MAX) kept.current.clear();
            kept.current.set(query, { members, atMs: Date.now() });
            show(members);
          },
          () => undefined, // without a list the name can be written all the same
        );
      },
      known ? 0 : ASK_MS,
    );
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [commands, room, query, me]);

  const options = query !== null && found ? found.members.filter((m) => startsWord(m.name.toLowerCase(), query)).slice(0, FOUND_MAX) : [];
  const at = Math.min(active, options.length - 1);
  const optionId = (i: number) => `${id}-${i}`;

  function pick(member: Member): void {
    if (!asked) return;
    const before = `${text.slice(0, asked.at)}@${member.name} `;
    picked.current.set(member.name.toLowerCase(), member.id);
    setText(before + text.slice(caret).replace(/^ /, ''));
    setCaret(before.length);
    setFound(null);
    setClosedAt(asked.at); // it is done: what is written behind it is no name
    requestAnimationFrame(() => {
      area.current?.focus();
      area.current?.setSelectionRange(before.length, before.length);
    });
  }

  function onKeyDown(e: KeyboardEvent): boolean {
    const option = options[at];
    if (!option || e.ctrlKey || e.altKey || e.metaKey) return false;
    if (e.key === 'ArrowDown' || e.key === 'ArrowUp') setActive((at + (e.key === 'ArrowDown' ? 1 : -1) + options.length) % options.length);
    else if ((e.key === 'Enter' || e.key === 'Tab') && !e.shiftKey) pick(option);
    else if (e.key === 'Escape') setClosedAt(asked?.at ?? -1);
    else return false;
    e.preventDefault();
    e.stopPropagation();
    return true;
  }

  return {
    options,
    active: at,
    listId: `${id}-list`,
    optionId,
    field: {
      'aria-autocomplete': 'list',
      'aria-haspopup': 'listbox',
      'aria-controls': options.length > 0 ? `${id}-list` : undefined,
      'aria-activedescendant': options.length > 0 ? optionId(at) : undefined,
    },
    status: query === null || !found ? '' : options.length === 0 ? 'Nobody of this room is called so' : `${options.length} ${options.length === 1 ? 'person' : 'people'}, arrows choose, Enter takes one`,
    onCaret: () => {
      const to = area.current?.selectionEnd ?? 0;
      setCaret(to);
      if (closedAt >= 0 && mentionQuery(area.current?.value ?? '', to)?.at !== closedAt) setClosedAt(-1);
    },
    onKeyDown,
    pick,
    picked: () => picked.current,
  };
}
