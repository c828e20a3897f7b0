/* The log of the open room. Mounted afresh for each room, so that its window, divider and place belong to that room. */
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState, type KeyboardEvent } from 'react';
import { failureOf } from '@/state/commands';
import { useApp, useCommands, useMe, useReadState } from '@/state/hooks';
import type { Entry } from '@/state/outbox';
import { shownUnread, unreadBadge, unreadOf } from '@/state/rooms';
import { hasOlder, type Item, type Timeline } from '@/state/timeline';
import { Button } from '@/ui/Button';
import { cx } from '@/ui/cx';
import { Dialog, DialogActions, DialogBody } from '@/ui/Dialog';
import { Icon } from '@/ui/Icon';
import { LinesSkeleton } from '@/ui/Skeleton';
import { EmojiPicker } from './EmojiPicker';
import { Line, NoticeLine } from './Line';
import { UnreadBar } from './UnreadBar';
import { buildRows, dayKey, firstUnread, isAbove, type Row } from './rows';
import { dayName, useToday } from './time';
import { Scroll, type View } from './scroll';
import { down, freeze, lowerBound, range, TAIL, up, type Window } from './window';

const NEAR_PX = 600;
const PAGE_RETRY_MS = 3_000;
const FOUND_MS = 2_500;

const NO_ITEMS: readonly Item[] = [];
const NO_MARKS: readonly Entry[] = [];

/** `line`: seq of a line to open at; 0: none. `asking` grows when it is wanted once more. */
export function Conversation({ room, line: asked = 0, asking = 0 }: { room: number; line?: number; asking?: number }) {
  const timeline = useApp((s) => s.timelines.get(room));
  const me = useMe()?.id ?? 0;
  const allEntries = useApp((s) => s.outbox.entries);
  const known = useApp((s) => s.rooms.byId.get(room));
  const editing = useApp((s) => (s.drafts.editing?.room === room ? s.drafts.editing.seq : null));
  const commands = useCommands();
  const read = useReadState();
  const today = useToday();
  const entries = useMemo(() => allEntries.filter((e) => e.room === room), [allEntries, room]);

  const [win, setWin] = useState<Window>(TAIL);
  const [readUpTo, setReadUpTo] = useState<number | null>(() =>
    known && known.msgNo > known.readMsgNo ? known.readMsgNo : null,
  );
  // What the bar tells of: as it was on entry, and whether the divider has been seen.
  const [entryCount, setEntryCount] = useState(() => (known && shownUnread(known) > 0 ? unreadBadge(known) : ''));
  const doubt = known?.doubt ?? false;
  const [doubted, setDoubted] = useState(doubt);
  const [dividerAbove, setDividerAbove] = useState(false);
  const [dividerSeen, setDividerSeen] = useState(false);
  // Lines were marked as unread, here or on another device: the divider stands there from now on.
  const turn = known?.turn ?? 0;
  const [turnSeen, setTurnSeen] = useState(turn);
  if (known && turn !== turnSeen) {
    setTurnSeen(turn);
    if (known.held) {
      setReadUpTo(known.readMsgNo);
      setEntryCount(shownUnread(known) > 0 ? unreadBadge(known) : '');
      setDividerSeen(false);
    }
  }
  if (known && doubt !== doubted) {
    setDoubted(doubt);
    if (!doubt && entryCount === '' && unreadOf(known) > 0) setEntryCount(unreadBadge(known));
  }
  const [away, setAway] = useState<{ seq: number; far: boolean } | null>(null);
  const [active, setActive] = useState<string | null>(null);
  const [deleting, setDeleting] = useState<number | null>(null);
  const [paging, setPaging] = useState<'no' | 'busy' | 'failed'>('no');
  const entered = useRef(false);

  const apart = timeline?.apart ?? null;
  const items = apart?.items ?? timeline?.items ?? NO_ITEMS;
  const { start, end } = range(items, win);
  const atEnd = end >= items.length && apart === null;
  const rows = useMemo(
    () => buildRows({ items: items.slice(start, end), entries, me, readUpTo, atEnd }),
    [items, start, end, entries, me, readUpTo, atEnd],
  );
  const byKey = useMemo(() => new Map(rows.map((row) => [row.key, row] as const)), [rows]);

  const loaded = timeline !== undefined && (timeline.phase === 'live' || items.length > 0);
  const older = apart ? apart.firstMsgNo > 1 : timeline !== undefined && hasOlder(timeline);

  function markRead(view: View): void {
    if (document.visibilityState !== 'visible') return;
    if (view.sticking) {
      const last = lastMsgNo(items);
      if (last > 0) commands.markRead(room, last);
      return;
    }
    const row = view.lastKey === null ? undefined : byKey.get(view.lastKey);
    if (row?.type === 'line') commands.markRead(room, row.line.msgNo);
  }

  function loadOlder(): void {
    if (paging !== 'no' || !older) return;
    setPaging('busy');
    (apart ? commands.loadApart(room, 'older') : commands.loadOlder(room)).then(
      () => setPaging('no'),
      (e: unknown) => {
        setPaging('failed');
        const wait = failureOf(e).retryMs || PAGE_RETRY_MS;
        setTimeout(() => setPaging((now) => (now === 'failed' ? 'no' : now)), wait);
      },
    );
  }

  function loadNewer(): void {
    if (paging !== 'no') return;
    setPaging('busy');
    setWin(freeze(items, win)); // what joins behind it moves nothing
    commands.loadApart(room, 'newer').then(
      () => setPaging('no'),
      () => setTimeout(() => setPaging('no'), PAGE_RETRY_MS),
    );
  }

  const lookForDivider = () => {
    if (readUpTo === null || dividerSeen) return;
    const where = scroll.where('unread');
    if (where === 'inside') setDividerSeen(true);
    setDividerAbove(where === 'above' || (where === null && isAbove(items.slice(start, end), readUpTo)));
  };

  const onView = (view: View) => {
    markRead(view);
    lookForDivider();
    if (view.sticking) {
      if (win !== TAIL) setWin(TAIL);
      setAway(null);
      commands.trim(room);
    } else {
      if (win.from === null && items.length > 0) setWin(freeze(items, win));
      const far = view.fromEnd > 1200 || !atEnd;
      setAway((now) => (now === null ? { seq: items.at(-1)?.seq ?? 0, far } : now.far === far ? now : { ...now, far }));
      if (view.fromEnd < NEAR_PX && !atEnd) {
        if (apart && end >= items.length) loadNewer();
        else setWin((w) => down(items, w));
      }
    }
    if (view.fromTop < NEAR_PX) {
      if (start > 0) setWin((w) => up(items, freeze(items, w)));
      else loadOlder();
    }
  };
  const [scroll] = useState(() => new Scroll());
  const attach = useCallback((box: HTMLDivElement | null) => scroll.attach(box), [scroll]);
  useLayoutEffect(() => scroll.drawn(atEnd, onView));

  // On entry: at the first unread line if the unread ones are more than a screen, else at the end.
  useLayoutEffect(() => {
    if (entered.current || !loaded) return;
    entered.current = true;
    scroll.enter('unread');
  }, [loaded, scroll]);

  // New lines while the reader is at the end are read at once; a short room is paged until it fills the screen.
  useEffect(() => {
    if (entered.current) scroll.look();
  }, [items, rows.length, scroll]);

  useEffect(() => {
    const onVisible = () => {
      if (document.visibilityState === 'hidden') return;
      // What came while the page was hidden begins at a divider of its own.
      const now = read().rooms.byId.get(room);
      if (now && !now.held && unreadOf(now) > 0) {
        setReadUpTo(now.readMsgNo);
        setEntryCount(unreadBadge(now));
        setDividerSeen(false);
      }
      scroll.look();
    };
    document.addEventListener('visibilitychange', onVisible);
    return () => document.removeEventListener('visibilitychange', onVisible);
  }, [scroll, read, room]);

  const fresh = away === null ? 0 : countNew(items, away.seq, me);

  const wanted = useRef(0); // a line to be shown once it is drawn
  const [found, setFound] = useState(0);
  const onJump = useCallback(
    (seq: number) => {
      commands.reach(room, seq).then(
        (there) => {
          const t = read().timelines.get(room);
          const all = t?.apart?.items ?? t?.items ?? NO_ITEMS;
          const at = lowerBound(all, seq);
          if (!there || all[at]?.seq !== seq) {
            // It is among what is loaded up to the end, and another place is open.
            if (there && t?.apart) {
              wanted.current = seq;
              setFound(seq);
              commands.leaveApart(room);
            }
            return;
          }
          const to = all[at + 60];
          setWin({ from: all[Math.max(0, at - 60)]?.seq ?? seq, to: to ? to.seq : null });
          wanted.current = seq;
          setFound(seq);
        },
        () => undefined,
      );
    },
    [commands, read, room],
  );
  useLayoutEffect(() => {
    const seq = wanted.current;
    const item = seq === 0 ? undefined : items[lowerBound(items, seq)];
    if (item?.type === 'line' && item.seq === seq && scroll.show(item.clientId)) wanted.current = 0;
  });
  useEffect(() => {
    if (found === 0) return undefined;
    const timer = setTimeout(() => setFound(0), FOUND_MS);
    return () => clearTimeout(timer);
  }, [found]);
  // A link to a line: once for each link, as soon as there is a room to look into.
  useEffect(() => {
    if (asked > 0 && loaded) onJump(asked);
  }, [asked, asking, loaded, onJump]);

  const [picking, setPicking] = useState(0);
  const onPick = useCallback((seq: number) => setPicking(seq), []);
  const onReply = useCallback((seq: number) => commands.setReplying({ room, seq }), [commands, room]);

  const toFirstUnread = () => {
    if (readUpTo === null) return;
    setDividerSeen(true);
    const there = firstUnread(items, readUpTo, me);
    if (there > 0) {
      onJump(there);
      return;
    }
    commands.firstAfter(room, readUpTo).then(
      (seq) => seq > 0 && onJump(seq),
      () => setDividerSeen(false),
    );
  };

  const toLatest = () => {
    commands.leaveApart(room);
    setWin(TAIL);
    setAway(null);
    scroll.toEnd();
    requestAnimationFrame(() => scroll.toEnd());
  };

  // One's own new line is always shown, wherever one was.
  const pendingCount = rows.length > 0 ? entries.filter((e) => e.work.what === 'post' && e.state !== 'failed').length : 0;
  const pendingBefore = useRef(pendingCount);
  useEffect(() => {
    if (pendingCount > pendingBefore.current && entered.current) toLatest();
    pendingBefore.current = pendingCount;
  });

  const onUnread = useCallback((msgNo: number) => commands.markUnread(room, msgNo), [commands, room]);
  const onEdit = useCallback((seq: number) => commands.setEditing({ room, seq }), [commands, room]);
  const onDelete = useCallback((seq: number) => setDeleting(seq), []);

  const onKeyDown = (e: KeyboardEvent<HTMLDivElement>) => {
    if (e.target !== e.currentTarget && !(e.target as HTMLElement).matches('[role=article]')) return;
    if (e.key.toLowerCase() === 'u' && !e.ctrlKey && !e.metaKey && !e.altKey) {
      const row = byKey.get((e.target as HTMLElement).dataset.key ?? '');
      if (row?.type !== 'line') return;
      e.preventDefault();
      onUnread(row.line.msgNo);
      return;
    }
    if (e.key !== 'ArrowDown' && e.key !== 'ArrowUp' && e.key !== 'Home' && e.key !== 'End') return;
    const articles = Array.from(e.currentTarget.querySelectorAll<HTMLElement>('[role=article]'));
    const at = articles.indexOf(document.activeElement as HTMLElement);
    const next =
      e.key === 'Home'
        ? 0
        : e.key === 'End'
          ? articles.length - 1
          : at < 0
            ? articles.length - 1
            : at + (e.key === 'ArrowDown' ? 1 : -1);
    const target = articles[next];
    if (!target) return;
    e.preventDefault();
    target.focus({ preventScroll: true });
    target.scrollIntoView({ block: 'nearest' });
  };

  return (
    <div className="relative flex min-h-0 flex-1 flex-col">
      <UnreadBar
        count={readUpTo !== null && dividerAbove && !dividerSeen && loaded ? entryCount : ''}
        onJump={toFirstUnread}
        onDismiss={() => setDividerSeen(true)}
      />
      <div
        ref={attach}
        role="log"
        aria-label={known ? `Messages in ${known.name}` : 'Messages'}
        aria-relevant="additions"
        aria-live={away === null && loaded ? 'polite' : 'off'}
        aria-busy={!loaded || paging === 'busy'}
        tabIndex={0}
        onScroll={() => scroll.look()}
        onKeyDown={onKeyDown}
        onPointerLeave={() => setActive(null)}
        className="thin-scroll ring-inside min-h-0 flex-1 overflow-y-auto overscroll-contain [overflow-anchor:none]"
      >
        <div className="relative flex min-h-full flex-col justify-end pb-3">
          {loaded ? (
            <>
              {start === 0 ? <Top timeline={timeline} older={older} paging={paging} name={known?.name ?? ''} /> : <LinesSkeleton count={2} />}
              {rows.map((row) => (
                <RowView
                  key={row.key}
                  row={row}
                  today={today}
                  me={me}
                  active={active === row.key}
                  editing={editing !== null && row.type === 'line' && row.line.seq === editing}
                  mayDelete={known?.role === 'moderator' || known?.role === 'owner'}
                  room={room}
                  found={found !== 0 && row.type === 'line' && row.line.seq === found}
                  onReply={onReply}
                  onPick={onPick}
                  onJump={onJump}
                  onActive={setActive}
                  onEdit={onEdit}
                  onDelete={onDelete}
                  onUnread={onUnread}
                />
              ))}
            </>
          ) : (
            <LinesSkeleton count={7} />
          )}
        </div>
      </div>
      {/* The region is always there; only its words come and go. */}
      <div role="status" className="pointer-events-none absolute inset-x-0 bottom-3 z-10 flex justify-center">
        {away !== null && (fresh > 0 || away.far) ? (
          <button
            type="button"
            onClick={toLatest}
            className={cx(
              'tap pointer-events-auto inline-flex animate-rise items-center gap-2 rounded-full px-4 text-sm font-semibold shadow-lift',
              fresh > 0 ? 'bg-ember text-on-ember' : 'border border-line bg-raised text-ink',
            )}
          >
            <Icon name="down" className="size-4" />
            {fresh > 0 ? `${fresh} new ${fresh === 1 ? 'message' : 'messages'}` : 'Jump to latest'}
          </button>
        ) : null}
      </div>
      {picking === 0 ? null : (
        <EmojiPicker
          onClose={() => setPicking(0)}
          onPick={(emoji) => {
            commands.react(room, picking, emoji, true);
            setPicking(0);
          }}
        />
      )}
      {deleting === null ? null : (
        <ConfirmDelete
          onClose={() => setDeleting(null)}
          onConfirm={() => {
            commands.remove(room, deleting);
            setDeleting(null);
          }}
        />
      )}
    </div>
  );
}

function lastMsgNo(items: readonly Item[]): number {
  for (let i = items.length - 1; i >= 0; i--) {
    const item = items[i];
    if (item?.type === 'line') return item.msgNo;
  }
  return 0;
}

function countNew(items: readonly Item[], after: number, me: number): number {
  let count = 0;
  for (let i = items.length - 1; i >= 0; i--) {
    const item = items[i];
    if (!item || item.seq <= after) break;
    if (item.type === 'line' && item.user !== me && item.text !== null) count++;
  }
  return count;
}

interface RowProps {
  row: Row;
  today: number;
  me: number;
  active: boolean;
  editing: boolean;
  mayDelete: boolean;
  room: number;
  found: boolean;
  onReply: (seq: number) => void;
  onPick: (seq: number) => void;
  onJump: (seq: number) => void;
  onActive: (key: string | null) => void;
  onEdit: (seq: number) => void;
  onDelete: (seq: number) => void;
  onUnread: (msgNo: number) => void;
}

function RowView({ row, today, me, active, editing, mayDelete, onActive, ...rest }: RowProps) {
  switch (row.type) {
    case 'day':
      return (
        <div data-key={row.key} data-floating className="mt-5 mb-1 flex items-center gap-3 px-4 sm:px-6">
          <span className="h-px flex-1 bg-line" />
          <h3 className="text-xs font-semibold text-ink-3">
            <time dateTime={dayKey(row.atMs)}>{dayName(row.atMs, today)}</time>
          </h3>
          <span className="h-px flex-1 bg-line" />
        </div>
      );
    case 'unread':
      return (
        <div data-key={row.key} data-floating role="separator" aria-label="New messages" className="mt-3 flex items-center gap-2 px-4 sm:px-6">
          <span className="h-px flex-1 bg-ember" />
          <span className="text-xs font-bold text-ember">New</span>
        </div>
      );
    case 'notice':
      return (
        <div data-key={row.key}>
          <NoticeLine notice={row.notice} />
        </div>
      );
    case 'line':
    case 'pending': {
      const line = row.type === 'line' ? row.line : null;
      return (
        <div
          data-key={row.key}
          role="article"
          tabIndex={-1}
          aria-setsize={-1}
          aria-posinset={line?.msgNo}
          onPointerEnter={(e) => e.pointerType === 'mouse' && onActive(row.key)}
          onFocus={() => onActive(row.key)}
          className="ring-inside"
        >
          <Line
            line={line}
            entry={row.type === 'line' ? row.change : row.entry}
            marks={row.type === 'line' ? row.marks : NO_MARKS}
            first={row.first}
            mine={(line?.user ?? me) === me}
            active={active}
            editing={editing}
            mayDelete={mayDelete}
            {...rest}
          />
        </div>
      );
    }
  }
}

function Top({ timeline, older, paging, name }: { timeline: Timeline; older: boolean; paging: string; name: string }) {
  if (older)
    return paging === 'failed' ? (
      <p className="px-4 py-3 text-center text-sm text-ink-3">Older messages cannot be loaded just now; trying again.</p>
    ) : (
      <LinesSkeleton count={2} />
    );
  return (
    <div className="px-4 pt-8 pb-2 sm:px-6">
      <h2 className="text-xl font-bold tracking-tight wrap-anywhere">
        <bdi>{name}</bdi>
      </h2>
      <p className="mt-1 max-w-prose text-sm text-ink-2">
        {timeline.visibleFrom > 0
          ? 'You can see messages from when you joined.'
          : timeline.items.some((i) => i.type === 'line')
            ? 'This is the beginning.'
            : 'Nothing has been said here yet. The first line is yours.'}
      </p>
    </div>
  );
}

function ConfirmDelete({ onClose, onConfirm }: { onClose: () => void; onConfirm: () => void }) {
  const cancel = useRef<HTMLButtonElement>(null);
  return (
    <Dialog title="Delete this message?" onClose={onClose} initialFocus={cancel}>
      <DialogBody>
        <p className="text-sm text-ink-2">Its text is erased for everybody. This cannot be undone.</p>
      </DialogBody>
      <DialogActions>
        <Button ref={cancel} onClick={onClose}>
          Keep it
        </Button>
        <Button tone="danger" onClick={onConfirm}>
          Delete
        </Button>
      </DialogActions>
    </Dialog>
  );
}
