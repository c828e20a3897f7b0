/* What administrators see and can make happen. */
import type { SignIn } from './commands';

export interface AdminUser {
  id: number;
  name: string;
  admin: boolean;
  disabled: boolean;
  createdAtMs: number;
  /** 0: never. */
  usedAtMs: number;
  signIns: number;
}

export interface AdminRoom {
  id: number;
  /** Empty for direct rooms. */
  name: string;
  visibility: 'public' | 'private' | 'direct';
  members: number;
  messages: number;
  createdAtMs: number;
  lastAtMs: number;
  owner: { id: number; name: string } | null;
  archived: boolean;
}

export interface AuditRow {
  id: number;
  atMs: number;
  actor: number;
  actorName: string;
  action: string;
  subject: number;
  subjectName: string;
  detail: string;
}

export interface OpenSocket {
  key: string;
  edge: string;
  user: number;
  signIn: number;
  name: string;
  device: string;
  address: string;
  openMs: number;
  rooms: number;
  waiting: number;
  waitingBytes: number;
}

export interface OpenSockets {
  count: number;
  /** Edges that did not answer in time. */
  silent: number;
  sockets: OpenSocket[];
}

export interface ServerOption {
  name: string;
  environment: string;
  help: string;
  source: 'default' | 'file' | 'environment' | 'flag';
  value: string | number;
  default: string | number;
  min?: number;
  max?: number;
}

export interface FixedLimit {
  name: string;
  value: number;
  unit: string;
  help: string;
}

export interface Limits {
  edge: string;
  options: ServerOption[];
  fixed: FixedLimit[];
}

export interface ActorLink {
  peer: string;
  up: boolean;
  sent: number;
  received: number;
  waiting: number;
  waiting_bytes: number;
  heard_ms: number;
}

export interface ActorNode {
  node: string;
  host: string;
  pid: number;
  build: string;
  up_ms: number;
  /** Since it last told of itself. */
  age_ms: number;
  queue: number;
  sockets: number;
  links: ActorLink[];
}

export type MetricValue = number | { count: number; sum_us: number };

export interface ServerProcess {
  host: string;
  pid: number;
  age_ms: number;
  metrics: Record<string, MetricValue>;
}

export interface Topology {
  at_ms: number;
  nodes: ActorNode[];
  processes: ServerProcess[];
  /** Of each of the 256 shards; '': nobody. */
  owners: string[];
  epochs: number[];
}

export type SignupMode = 'open' | 'invite' | 'closed';

export interface ServerSettings {
  name: string;
  signup: SignupMode;
}

export interface Invite {
  id: number;
  code: string;
  createdAtMs: number;
  /** 0: it does not expire. */
  expiresAtMs: number;
  /** 0: as often as one likes. */
  usesMax: number;
  uses: number;
}

export interface AdminCommands {
  adminUsers(query: string, after: AdminUser | null, signal: AbortSignal): Promise<{ users: AdminUser[]; more: boolean }>;
  adminSetUser(user: number, change: { admin?: boolean; disabled?: boolean }): Promise<void>;
  adminSignIns(user: number, signal: AbortSignal): Promise<SignIn[]>;
  /** null: all of them. */
  adminEndSignIns(user: number, signIn: number | null): Promise<void>;
  adminRooms(query: string, after: AdminRoom | null, signal: AbortSignal): Promise<{ rooms: AdminRoom[]; more: boolean }>;
  adminAudit(
    filter: { action: string; user: number },
    before: AuditRow | null,
    signal: AbortSignal,
  ): Promise<{ rows: AuditRow[]; more: boolean }>;
  adminSockets(user: number, signal: AbortSignal): Promise<OpenSockets>;
  adminLimits(signal: AbortSignal): Promise<Limits>;
  adminTopology(signal: AbortSignal): Promise<Topology>;
  adminServer(signal: AbortSignal): Promise<ServerSettings>;
  adminSetServer(change: Partial<ServerSettings>): Promise<ServerSettings>;
  adminInvites(signal: AbortSignal): Promise<Invite[]>;
  /** 0: no bound. */
  adminInvite(days: number, usesMax: number): Promise<void>;
  adminEndInvite(id: number): Promise<void>;
  /** A password for once, to be handed over; all sign-ins end. */
  adminResetPassword(user: number): Promise<string>;
}
