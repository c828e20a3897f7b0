/* How the line to the server is, as people should know it. */
export type StopReason = 'auth' | 'banned' | 'version' | 'protocol' | 'connections';

export interface Link {
  state: 'idle' | 'connecting' | 'online' | 'waiting' | 'stopped';
  /** Since when there has been no connection; null while there is one. */
  downSinceMs: number | null;
  retryAtMs: number | null;
  reason: StopReason | null;
}

export const initialLink: Link = { state: 'idle', downSinceMs: null, retryAtMs: null, reason: null };

export function linkChanged(
  link: Link,
  state: Link['state'],
  nowMs: number,
  more: { retryAtMs?: number; reason?: StopReason } = {},
): Link {
  return {
    state,
    downSinceMs: state === 'online' || state === 'idle' ? null : (link.downSinceMs ?? nowMs),
    retryAtMs: more.retryAtMs ?? null,
    reason: more.reason ?? null,
  };
}
