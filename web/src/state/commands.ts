/* What a person can make happen. Features call these; app/ carries them out. */
import type { AdminCommands } from './admin';
import type { FileInfo, Line } from './fold';
import type { Notify } from './rooms';
import type { SignupMode } from './server';
import type { User } from './users';
import type { Hit, Hits, Neighbour } from './search';

export interface RoomCard {
  id: number;
  name: string;
  topic: string;
  visibility: 'public' | 'private' | 'direct';
  members: number;
  joined: boolean;
  archived: boolean;
}

export interface Member {
  id: number;
  name: string;
  role: 'member' | 'moderator' | 'owner';
  muted: boolean;
}

/** Somebody a room keeps muted or banned; a member or not. */
export interface Restricted {
  id: number;
  name: string;
  muted: boolean;
  banned: boolean;
}

/** One browser or script in which this user is signed in. */
export interface SignIn {
  id: number;
  device: string;
  userAgent: string;
  address: string;
  createdAtMs: number;
  usedAtMs: number;
  current: boolean;
}

export interface SetUp {
  name: string;
  password: string;
  serverName: string;
  signup: SignupMode;
}

export interface RoomDraft {
  /** Made once per opened dialog: a repeat finds the first room. */
  clientId: string;
  name: string;
  topic: string;
  visibility: 'public' | 'private';
  /** What newcomers may read of what was said before. */
  history: 'all' | 'joining';
}

/** Somebody who can be written to, or brought in. */
export interface Person {
  id: number;
  name: string;
}

/** What went wrong, in a sentence, and with which field. Every rejected command rejects with one. */
export interface Failure {
  code: string;
  detail: string;
  field: string | null;
  retryMs: number;
  /** The bound that was broken, if the server says so. */
  limit?: number | undefined;
  /** Of a search: where in it, in UTF-16 code units. */
  position?: number | undefined;
}

export interface Commands extends AdminCommands {
  /** `invite`: the code of an invitation, or ''. */
  signup(name: string, password: string, invite: string): Promise<void>;
  /** The first user, the administrator. */
  setUp(form: SetUp): Promise<void>;
  login(name: string, password: string): Promise<void>;
  logout(): Promise<void>;
  /** Asks again whether there is a session, after the server could not be reached. */
  retrySession(): void;
  reconnect(): void;

  openRoom(room: number | null): void;
  /** replyTo: seq of the line it answers; 0: none. Whom it calls follows from the text. */
  post(room: number, text: string, replyTo: number, picked?: ReadonlyMap<string, number>): void;
  /** The same with the files that lie ready in this room; they leave the tray. False: one is not ready. */
  share(room: number, text: string, replyTo: number, picked?: ReadonlyMap<string, number>): boolean;
  /** Uploads begin at once, two at a time. A sentence when one may not be uploaded; the others are. */
  addFiles(room: number, files: readonly File[]): string;
  /** From the beginning. */
  retryFile(room: number, id: string): void;
  /** Cancels it, or throws away what was uploaded. */
  removeFile(room: number, id: string): void;
  /** An address in this page for what a file holds. */
  fileUrl(room: number, file: number): Promise<string>;
  /** Into the browser's downloads. */
  saveFile(room: number, file: FileInfo): Promise<void>;
  /** picked: whom a name means, where the person chose; others follow from the names that are known. */
  edit(room: number, seq: number, text: string, picked?: ReadonlyMap<string, number>): void;
  remove(room: number, seq: number): void;
  react(room: number, seq: number, emoji: string, on: boolean): void;
  pin(room: number, seq: number, on: boolean): void;
  setReplying(replying: { room: number; seq: number } | null): void;
  /** Reads single lines; those that cannot be read are missing. */
  lines(room: number, seqs: readonly number[]): Promise<Line[]>;
  /** Pinned lines, the latest pin first. */
  pins(room: number, before: number): Promise<{ lines: Line[]; more: boolean }>;
  /** seq of the first line with a number above this one; 0: there is none. */
  firstAfter(room: number, msgNo: number): Promise<number>;
  /** Makes sure that the line is loaded, around it too. False: there is no such line. */
  reach(room: number, seq: number): Promise<boolean>;
  loadApart(room: number, where: 'older' | 'newer'): Promise<void>;
  leaveApart(room: number): void;
  retry(clientId: string): void;
  discard(clientId: string): void;
  setDraft(room: number, text: string): void;
  setEditing(editing: { room: number; seq: number } | null): void;
  typing(room: number): void;
  markRead(room: number, msgNo: number): void;
  /** This line and what follows it, on all devices. The room counts as read again when it was left and entered. */
  markUnread(room: number, msgNo: number): void;
  /** On all devices. A note says when it could not be stored. */
  setNotify(room: number, level: Notify): void;
  /** Members with a word in their name that begins so, the best first. */
  findMembers(room: number, query: string, signal: AbortSignal): Promise<Member[]>;
  loadOlder(room: number): Promise<void>;
  trim(room: number): void;
  dismissNote(): void;
  /** Desktop notifications of this device; on: the browser asks for its permission. */
  setAlerts(on: boolean): Promise<void>;
  setAlertText(show: boolean): void;
  wentThere(): void;

  newClientId(): string;
  createRoom(draft: RoomDraft): Promise<number>;
  /** The direct room of these people and oneself; made if there is none. Nobody: a room for notes. */
  openDirect(users: readonly number[]): Promise<number>;
  addMember(room: number, user: number): Promise<void>;
  renameRoom(room: number, name: string): Promise<void>;
  setTopic(room: number, topic: string): Promise<void>;
  archiveRoom(room: number, on: boolean): Promise<void>;
  setHistory(room: number, history: 'all' | 'joining'): Promise<void>;
  /** People whose name contains this, by name; without oneself. */
  findPeople(query: string, signal: AbortSignal): Promise<Person[]>;
  joinRoom(room: number): Promise<void>;
  leaveRoom(room: number): Promise<void>;
  /** The room's log as a file, for its owner. `progress` gets the bytes so far; null: the person chose no file. */
  exportRoom(room: number, name: string, progress: (bytes: number) => void, signal: AbortSignal): Promise<number | null>;
  /** Public rooms; `archived`: those too that are kept to read. */
  browse(query: string, archived: boolean, after: RoomCard | null, signal: AbortSignal): Promise<{ rooms: RoomCard[]; more: boolean }>;
  roomCard(room: number): Promise<RoomCard>;
  /** `before`: `next` of the page before; null: from the newest. */
  search(query: string, before: string | null, signal: AbortSignal): Promise<Hits>;
  /** The line and what stands next to it. */
  around(hit: Hit, signal: AbortSignal): Promise<readonly Neighbour[]>;
  members(room: number, after: number, signal: AbortSignal): Promise<{ members: Member[]; more: boolean }>;

  /** Only moderators and the owner are told. */
  restricted(room: number, after: number, signal: AbortSignal): Promise<{ people: Restricted[]; more: boolean }>;
  removeMember(room: number, member: number): Promise<void>;
  banMember(room: number, member: number): Promise<void>;
  unbanMember(room: number, member: number): Promise<void>;
  muteMember(room: number, member: number, muted: boolean): Promise<void>;
  setRole(room: number, member: number, role: Member['role']): Promise<void>;

  /** Part of either name; `after`: handle of the last one seen, '' from the start. */
  directory(query: string, after: string, signal: AbortSignal): Promise<{ people: User[]; more: boolean }>;
  /** These people are on the screen: whoever is unknown, or may have changed, is asked for. */
  knowPeople(ids: readonly number[]): void;
  showCard(user: number | null): void;
  /** An address for an <img>; null when it cannot be had. The same for the same rev. */
  picture(user: number, rev: number): Promise<string | null>;
  /** The same if it is there already. */
  pictureNow(user: number, rev: number): string | null;
  /** '': shown by the name one signs in with. */
  setDisplay(display: string): Promise<void>;
  setPicture(file: Blob): Promise<void>;
  removePicture(): Promise<void>;

  /** For administrators: gives a password for once; told only here. */
  resetPassword(user: number): Promise<{ name: string; password: string }>;

  signIns(signal: AbortSignal): Promise<SignIn[]>;
  endSignIn(id: number): Promise<void>;
  /** Everywhere else; this one stays. */
  endOtherSignIns(): Promise<void>;
  /** Everywhere, here too. */
  endAllSignIns(): Promise<void>;
  /** All other sign-ins end with it. */
  changePassword(current: string, next: string): Promise<void>;
}

export function failureOf(e: unknown): Failure {
  if (typeof e === 'object' && e !== null && 'detail' in e && 'code' in e) return e as Failure;
  return { code: 'internal', detail: 'Something went wrong here. Reload the page and try again.', field: null, retryMs: 0 };
}
