import { memo, useMemo } from 'react';
import { Face } from '@/features/people/Face';
import { useCommands, useMe, useName, useNames } from '@/state/hooks';
import { Files } from '@/features/files/Files';
import { react, type FileInfo, type Reaction } from '@/state/fold';
import type { Entry } from '@/state/outbox';
import type { Line as LineState, Notice as NoticeState } from '@/state/timeline';
import { cx } from '@/ui/cx';
import { Icon } from '@/ui/Icon';
import { IconButton } from '@/ui/Button';
import { Quote } from './Quote';
import { Reactions } from './Reactions';
import { isEmojiOnly, RichText, type Calls } from './text';
import { clockTime, wholeTime } from './time';

interface Shown {
  user: number;
  atMs: number;
  text: string | null;
  edited: boolean;
  /** What a person should know about where it is: null is the calm case, stored. */
  mark: 'waiting' | 'sending' | 'failed' | null;
  /** What the mark is about. */
  what: Entry['work']['what'];
  replyTo: number;
  mentions: readonly number[];
  files: readonly FileInfo[];
  reason: string;
  entryId: string;
}

function markOf(e: Entry | null): Shown['mark'] {
  if (!e || e.state === 'stored') return null;
  if (e.state === 'failed') return 'failed';
  return e.tried && e.state === 'sent' ? 'sending' : 'waiting';
}

function shownLine(line: LineState, change: Entry | null): Shown {
  const edited = change?.work.what === 'edit' && change.state !== 'failed' ? change.work.text : null;
  return {
    user: line.user,
    atMs: line.atMs,
    text: line.text === null ? null : (edited ?? line.text),
    edited: line.edited || edited !== null,
    mark: markOf(change),
    what: change?.work.what ?? 'post',
    replyTo: line.replyTo,
    mentions: line.mentions,
    files: line.files,
    reason: change?.reason ?? '',
    entryId: change?.clientId ?? '',
  };
}

function shownEntry(entry: Entry): Shown {
  return {
    user: entry.user,
    atMs: entry.createdMs,
    text: entry.work.what === 'post' ? entry.work.text : '',
    edited: false,
    mark: markOf(entry),
    what: 'post',
    replyTo: entry.work.what === 'post' ? (entry.work.replyTo ?? 0) : 0,
    mentions: entry.work.what === 'post' ? (entry.work.mentions ?? []) : [],
    files: entry.work.what === 'post' ? (entry.work.files ?? []) : [],
    reason: entry.reason,
    entryId: entry.clientId,
  };
}

interface LineProps {
  line: LineState | null;
  entry: Entry | null;
  /** Reactions and pins of this device that are not stored yet. */
  marks: readonly Entry[];
  first: boolean;
  mine: boolean;
  /** The pointer or the focus is here: its actions are shown. */
  active: boolean;
  editing: boolean;
  mayDelete: boolean;
  room: number;
  /** The reader was taken here. */
  found: boolean;
  onReply: (seq: number) => void;
  onPick: (seq: number) => void;
  onJump: (seq: number) => void;
  onEdit: (seq: number) => void;
  onDelete: (seq: number) => void;
  onUnread: (msgNo: number) => void;
}

interface Hung {
  reactions: readonly Reaction[];
  pinned: boolean;
  /** Emoji that wait to be stored; the pin as well. */
  waiting: ReadonlySet<string>;
  pinWaits: boolean;
}

/** What hangs on a line when all that waits is stored. */
function hungOn(line: LineState, marks: readonly Entry[], me: number): Hung {
  let { reactions } = line;
  let pinned = line.pinned !== null;
  const waiting = new Set<string>();
  let pinWaits = false;
  for (const { work, state } of marks) {
    if (state === 'stored') continue;
    if (work.what === 'react') {
      reactions = react(reactions, me, work.emoji, work.on);
      waiting.add(work.emoji);
    } else if (work.what === 'pin') {
      pinWaits = work.on !== (line.pinned !== null);
      pinned = work.on;
    }
  }
  return { reactions, pinned, waiting, pinWaits };
}

const MARK_TEXT = { waiting: 'Waiting to be sent', sending: 'Sending', failed: 'Not sent' } as const;
const FAILED_TEXT = { post: 'Not sent.', edit: 'The change was not saved.', delete: 'Not deleted.', react: 'The reaction was not stored.', pin: 'The pin was not stored.' } as const;

export const Line = memo(function Line(props: LineProps) {
  const { line, entry, marks, first, mine, active, editing, mayDelete, room, found, onReply, onPick, onJump, onEdit, onDelete, onUnread } = props;
  const shown = line ? shownLine(line, entry) : entry ? shownEntry(entry) : null;
  const name = useName(shown?.user ?? 0);
  const commands = useCommands();
  const me = useMe()?.id ?? 0;
  const names = useNames();
  const calls = useMemo<Calls | null>(
    () => (shown && shown.mentions.length > 0 ? { users: shown.mentions, names, me } : null),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the list is the line's own, and shown is made anew
    [shown?.mentions, names, me],
  );
  const hung = useMemo(() => (line ? hungOn(line, marks, me) : null), [line, marks, me]);
  if (!shown) return null;
  const { text, mark } = shown;
  const time = clockTime(shown.atMs);
  const large = text !== null && isEmojiOnly(text);
  const settled = line !== null && text !== null && mark === null;

  return (
    <div
      className={cx(
        'group relative flex gap-3 pr-3 pl-4 sm:pr-6 sm:pl-6',
        first ? 'mt-3 pt-1 pb-0.5' : 'py-0.5',
        active && 'bg-sunk',
        (editing || found) && 'bg-accent-soft',
        shown.mentions.includes(me) && text !== null && 'border-l-3 border-ember pl-[13px] sm:pl-[21px]',
      )}
    >
      <div className="w-9 shrink-0">
        {first && text !== null ? (
          // The name beside it is the button for who does not point.
          <button
            type="button"
            tabIndex={-1}
            aria-hidden="true"
            className="-mx-1 -mt-0.5 -mb-1 block rounded-full p-1"
            onClick={() => commands.showCard(shown.user)}
          >
            <Face id={shown.user} name={name} className="size-9" />
          </button>
        ) : (
          <time
            dateTime={new Date(shown.atMs).toISOString()}
            title={wholeTime(shown.atMs)}
            aria-hidden="true"
            className={cx(
              'block pt-1 text-right text-2xs whitespace-nowrap text-ink-3 tabular-nums',
              active ? 'opacity-100' : 'opacity-0',
            )}
          >
            {time.replace(/\s.*$/u, '')}
          </time>
        )}
      </div>
      <div className="min-w-0 flex-1">
        {first && text !== null ? (
          <div className="flex items-baseline gap-2">
            <button
              type="button"
              tabIndex={active ? 0 : -1}
              className="min-w-0 truncate rounded-sm text-left font-bold hover:underline pointer-coarse:-mt-4 pointer-coarse:-mb-1 pointer-coarse:min-w-11 pointer-coarse:pt-4 pointer-coarse:pb-1"
              onClick={() => commands.showCard(shown.user)}
            >
              <bdi>{name}</bdi>
            </button>
            {mine ? <span className="rounded-sm bg-accent-soft px-1 text-2xs font-semibold text-accent">you</span> : null}
            <time
              dateTime={new Date(shown.atMs).toISOString()}
              title={wholeTime(shown.atMs)}
              className="shrink-0 text-xs text-ink-3"
            >
              {time}
            </time>
          </div>
        ) : (
          <span className="sr-only">
            <bdi>{name}</bdi>, {time}:{' '}
          </span>
        )}
        {shown.replyTo > 0 && text !== null ? <Quote room={room} seq={shown.replyTo} onJump={onJump} /> : null}
        {text === null ? (
          <p className="py-0.5 text-sm text-ink-3 italic">
            <bdi>{name}</bdi>’s message was deleted
          </p>
        ) : (
          <div
            dir="auto"
            className={cx(
              'max-w-[82ch] wrap-anywhere',
              large ? 'text-2xl leading-tight' : 'text-base',
              mark && mark !== 'failed' && 'text-ink-2',
              shown.what === 'delete' && mark && mark !== 'failed' && 'line-through',
            )}
          >
            <RichText text={text} calls={calls} />
            {shown.edited ? <span className="text-2xs text-ink-3">(edited)</span> : null}
          </div>
        )}
        {text === null ? null : <Files room={line ? room : null} files={shown.files} />}
        {hung && text !== null && (hung.pinned || hung.pinWaits) ? (
          <p className="flex items-center gap-1 text-2xs text-ink-3">
            <Icon name={hung.pinWaits ? 'clock' : 'pin'} className="size-3.5" />
            {hung.pinWaits ? (hung.pinned ? 'Pin waits to be stored' : 'Pin waits to be taken away') : 'Pinned'}
          </p>
        ) : null}
        {line && hung && text !== null ? (
          <Reactions
            reactions={hung.reactions}
            waiting={hung.waiting}
            onReact={(emoji, on) => commands.react(room, line.seq, emoji, on)}
          />
        ) : null}
        {mark === 'failed' ? (
          <p className="flex flex-wrap items-center gap-x-3 text-sm text-danger">
            <span>
              {FAILED_TEXT[shown.what]} {shown.reason}
            </span>
            <span className="flex gap-1">
              <button
                type="button"
                className="tap rounded-md px-2 font-semibold text-accent underline underline-offset-2"
                onClick={() => commands.retry(shown.entryId)}
              >
                Retry
              </button>
              <button
                type="button"
                className="tap rounded-md px-2 font-semibold text-ink-2 underline underline-offset-2"
                onClick={() => commands.discard(shown.entryId)}
              >
                Discard
              </button>
            </span>
          </p>
        ) : null}
      </div>
      {/* The place of the mark is always there, so that becoming stored moves nothing. */}
      <div className="flex w-5 shrink-0 items-end justify-end pb-0.5">
        {mark ? (
          <span title={mark === 'waiting' && shown.reason ? shown.reason : MARK_TEXT[mark]}>
            <Icon
              name={mark === 'failed' ? 'alert' : 'clock'}
              className={cx('size-4', mark === 'failed' ? 'text-danger' : 'text-ink-3', mark === 'sending' && 'animate-breathe')}
            />
            <span className="sr-only">{MARK_TEXT[mark]}</span>
          </span>
        ) : null}
      </div>
      {active && (settled || mark === 'waiting') ? (
        <div
          role="group"
          aria-label="Message actions"
          className="absolute -top-4 right-9 pointer-coarse:-top-11 z-10 flex rounded-lg border border-line bg-raised p-0.5 shadow-sheet sm:right-13"
        >
          {settled ? (
            <>
              <IconButton icon="smile" label="Add a reaction" onClick={() => onPick(line.seq)} />
              <IconButton icon="reply" label="Reply" onClick={() => onReply(line.seq)} />
              <IconButton
                icon="pin"
                label={hung?.pinned ? 'Take the pin away' : 'Pin message'}
                aria-pressed={hung?.pinned === true}
                onClick={() => commands.pin(room, line.seq, hung?.pinned !== true)}
              />
              <IconButton icon="unread" label="Mark unread from here" onClick={() => onUnread(line.msgNo)} />
              <IconButton
                icon="link"
                label="Copy link to message"
                onClick={() => void navigator.clipboard.writeText(`${location.origin}/rooms/${room}/${line.seq}`)}
              />
            </>
          ) : null}
          {settled && mine ? <IconButton icon="pencil" label="Edit message" onClick={() => onEdit(line.seq)} /> : null}
          {settled && (mine || mayDelete) ? <IconButton icon="trash" label="Delete message" onClick={() => onDelete(line.seq)} /> : null}
          {mark === 'waiting' && entry && !entry.tried ? (
            <IconButton icon="close" label="Do not send" onClick={() => commands.discard(entry.clientId)} />
          ) : null}
        </div>
      ) : null}
    </div>
  );
});

/** What somebody did; `%` is whom they did it to. */
const NOTICE_TEXT: Record<NoticeState['what'], string> = {
  created: 'made this room',
  joined: 'joined',
  left: 'left',
  removed: 'took % out of the room',
  banned: 'banned %',
  unbanned: 'lifted the ban of %',
  made_member: 'made % an ordinary member',
  made_moderator: 'made % a moderator',
  made_owner: 'gave the room to %',
  muted: 'muted %',
  unmuted: 'let % speak again',
  added: 'brought in %',
  renamed: 'named this room',
  topic_changed: 'set the topic:',
  topic_taken: 'took the topic away',
  archived: 'archived this room',
  unarchived: 'opened this room again',
  history_all: 'lets newcomers read everything said before',
  history_joining: 'lets newcomers read only from their joining on',
  opened: 'opened this conversation',
  unsupported: 'did something that this version cannot show',
};

export const NoticeLine = memo(function NoticeLine({ notice }: { notice: NoticeState }) {
  const name = useName(notice.user);
  const whom = useName(notice.whom);
  const [before = '', after] = NOTICE_TEXT[notice.what].split('%');
  return (
    <p className="mt-2 px-4 pl-16 text-sm text-ink-3 sm:px-6 sm:pl-18">
      <bdi className="font-semibold">{name}</bdi> {before}
      {after === undefined ? null : (
        <>
          <bdi className="font-semibold">{whom}</bdi>
          {after}
        </>
      )}
      {notice.text ? (
        <>
          {' '}
          <bdi className="wrap-anywhere">“{notice.text}”</bdi>
        </>
      ) : null}{' '}
      <time dateTime={new Date(notice.atMs).toISOString()} title={wholeTime(notice.atMs)} className="text-xs">
        · {clockTime(notice.atMs)}
      </time>
    </p>
  );
});
