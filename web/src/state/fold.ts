/* What each kind of event does to the lines of a room: the rules, and nothing of where the events come from. The
 * server folds the same way (proto/marks.h). */
import type { RoomEvent } from '@/proto/codec';
import { LIMITS, type FileInfoRec, type MarksMsg } from '@/proto/messages.gen';

export interface Reaction {
  emoji: string;
  user: number;
}

/** A file that a line shows. */
export type FileInfo = FileInfoRec;

export interface Line {
  type: 'line';
  seq: number;
  msgNo: number;
  /** Of the request that made it: pending and stored line are the same row on screen. */
  clientId: string;
  user: number;
  atMs: number;
  /** null: deleted. */
  text: string | null;
  edited: boolean;
  /** seq of the last event that shaped its text. */
  changedSeq: number;
  /** seq of the line it answers; 0: none. */
  replyTo: number;
  /** Users it calls, as it reads now. */
  mentions: readonly number[];
  files: readonly FileInfo[];
  /** In the order they were given. */
  reactions: readonly Reaction[];
  pinned: { seq: number; by: number } | null;
  /** Reactions and pins up to this event are in it. */
  marksSeq: number;
}

export interface Notice {
  type: 'notice';
  seq: number;
  user: number;
  atMs: number;
  what: NoticeKind;
  /** Whom it was done to; 0: nobody. */
  whom: number;
  /** What the room is called from then on, or what it is about. */
  text?: string;
}

export type NoticeKind =
  | 'created'
  | 'joined'
  | 'left'
  | 'removed'
  | 'banned'
  | 'unbanned'
  | 'made_member'
  | 'made_moderator'
  | 'made_owner'
  | 'muted'
  | 'unmuted'
  | 'added'
  | 'renamed'
  | 'topic_changed'
  | 'topic_taken'
  | 'archived'
  | 'unarchived'
  | 'history_all'
  | 'history_joining'
  | 'opened'
  | 'unsupported';

export type Item = Line | Notice;

const NO_REACTIONS: readonly Reaction[] = [];
const NOBODY: readonly number[] = [];
const NO_FILES: readonly FileInfo[] = [];

/** Index of the item with this seq, -1 if it is not here. */
export function indexOf(items: readonly Item[], seq: number): number {
  let low = 0;
  let high = items.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const at = items[middle]?.seq ?? 0;
    if (at === seq) return middle;
    if (at < seq) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

/** Changes a line that is here already. */
export function isChange(ev: RoomEvent): boolean {
  switch (ev.body.kind) {
    case 'edited':
    case 'revised':
    case 'deleted':
    case 'reacted':
    case 'pinned':
      return true;
    default:
      return false;
  }
}

/** Would this reaction change anything? Past its bounds a line takes no more. */
export function mayReact(reactions: readonly Reaction[], emoji: string): boolean {
  if (reactions.length >= LIMITS.LINE_REACTIONS_MAX) return false;
  const kinds = new Set(reactions.map((r) => r.emoji));
  return kinds.has(emoji) || kinds.size < LIMITS.LINE_EMOJI_MAX;
}

export function react(reactions: readonly Reaction[], user: number, emoji: string, on: boolean): readonly Reaction[] {
  const there = reactions.some((r) => r.user === user && r.emoji === emoji);
  if (there === on) return reactions;
  if (!on) return reactions.filter((r) => r.user !== user || r.emoji !== emoji);
  return mayReact(reactions, emoji) ? [...reactions, { emoji, user }] : reactions;
}

function lineOf(ev: RoomEvent, text: string | null, mentions: readonly number[], files = NO_FILES): Line {
  return {
    type: 'line',
    seq: ev.seq,
    msgNo: ev.msgNo,
    clientId: ev.clientId,
    user: ev.user,
    atMs: ev.atMs,
    text,
    edited: false,
    changedSeq: ev.seq,
    replyTo: text === null ? 0 : ev.target,
    mentions,
    files,
    reactions: NO_REACTIONS,
    pinned: null,
    marksSeq: ev.seq,
  };
}

function changed(line: Line, ev: RoomEvent): Line {
  const { body } = ev;
  switch (body.kind) {
    case 'deleted':
      return {
        ...line,
        text: null,
        edited: false,
        changedSeq: ev.seq,
        replyTo: 0,
        mentions: NOBODY,
        files: NO_FILES,
        reactions: NO_REACTIONS,
        pinned: null,
        marksSeq: Math.max(line.marksSeq, ev.seq),
      };
    case 'edited':
    case 'revised': {
      if (line.changedSeq >= ev.seq || line.text === null) return line;
      const mentions = body.kind === 'revised' ? (body.mentions ?? []).map((m) => m.id) : NOBODY;
      return { ...line, text: body.text, edited: true, changedSeq: ev.seq, mentions };
    }
    case 'reacted': {
      if (line.marksSeq >= ev.seq || line.text === null) return line;
      return { ...line, reactions: react(line.reactions, ev.user, body.emoji, body.on), marksSeq: ev.seq };
    }
    case 'pinned': {
      if (line.marksSeq >= ev.seq || line.text === null) return line;
      const pinned = body.on ? (line.pinned ?? { seq: ev.seq, by: ev.user }) : null;
      return { ...line, pinned, marksSeq: ev.seq };
    }
    default:
      return line;
  }
}

/** Applies one event to items in place. Notices belong to the live log; folded pages are lines only. */
export function fold(items: Item[], ev: RoomEvent, notices: boolean): void {
  const { body } = ev;
  switch (body.kind) {
    case 'posted':
      if (indexOf(items, ev.seq) < 0) items.push(lineOf(ev, body.text, NOBODY));
      return;
    case 'said':
      if (indexOf(items, ev.seq) < 0) items.push(lineOf(ev, body.text, (body.mentions ?? []).map((m) => m.id)));
      return;
    case 'shared':
      if (indexOf(items, ev.seq) < 0)
        items.push(lineOf(ev, body.text, (body.mentions ?? []).map((m) => m.id), body.files ?? NO_FILES));
      return;
    case 'edited':
    case 'revised':
    case 'deleted':
    case 'reacted':
    case 'pinned': {
      const at = indexOf(items, ev.target);
      const line = items[at];
      if (line?.type === 'line') items[at] = changed(line, ev);
      return;
    }
    case 'room_created':
    case 'joined':
    case 'left':
    case 'removed':
    case 'banned':
    case 'unbanned':
    case 'role_changed':
    case 'muted':
    case 'added':
    case 'renamed':
    case 'topic_changed':
    case 'archived':
    case 'history_changed':
    case 'direct_created':
    case 'founded':
    case 'unknown':
      if (notices || isFirst(body))
        items.push({
          type: 'notice',
          seq: ev.seq,
          user: ev.user,
          atMs: ev.atMs,
          what: noticeOf(body),
          whom: 'member' in body ? body.member : 0,
          ...(body.kind === 'renamed' ? { text: body.name } : body.kind === 'topic_changed' ? { text: body.topic } : {}),
        });
  }
}

const ROLE_NOTICES = ['made_member', 'made_moderator', 'made_owner'] as const;

function isFirst(body: RoomEvent['body']): boolean {
  return body.kind === 'room_created' || body.kind === 'founded' || body.kind === 'direct_created';
}

function noticeOf(body: RoomEvent['body']): NoticeKind {
  switch (body.kind) {
    case 'room_created':
    case 'founded':
      return 'created';
    case 'direct_created':
      return 'opened';
    case 'topic_changed':
      return body.topic === '' ? 'topic_taken' : 'topic_changed';
    case 'archived':
      return body.on ? 'archived' : 'unarchived';
    case 'history_changed':
      return body.history === 1 ? 'history_joining' : 'history_all';
    case 'added':
    case 'renamed':
    case 'joined':
    case 'left':
    case 'removed':
    case 'banned':
    case 'unbanned':
      return body.kind;
    case 'role_changed':
      return ROLE_NOTICES[body.role] ?? 'unsupported';
    case 'muted':
      return body.muted ? 'muted' : 'unmuted';
    default:
      return 'unsupported';
  }
}

/** Hangs what the server made from the log on its line, in place. */
export function foldMarks(items: Item[], m: MarksMsg): void {
  const at = indexOf(items, m.seq);
  const line = items[at];
  if (line?.type !== 'line' || line.marksSeq > m.as_of) return;
  const reactions = m.reactions.flatMap((r) => {
    const emoji = m.emoji[r.emoji]?.emoji;
    return emoji === undefined ? [] : [{ emoji, user: r.user }];
  });
  const pinned = m.pinned === 0 ? null : { seq: m.pinned, by: m.pinned_by };
  items[at] = { ...line, reactions, pinned, marksSeq: m.as_of };
}
