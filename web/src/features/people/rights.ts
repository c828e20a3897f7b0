/* What one may do to another in a room: the same rules as the server's, so that nothing is offered that it would refuse. */
import type { Member } from '@/state/commands';

export type Act = 'moderator' | 'member' | 'owner' | 'mute' | 'unmute' | 'remove' | 'ban';

const RANK = { member: 0, moderator: 1, owner: 2 } as const;

export function actsOn(mine: Member['role'], them: Member, me: number | undefined): Act[] {
  if (them.id === me || RANK[mine] <= RANK[them.role] || mine === 'member') return [];
  const acts: Act[] = [];
  if (mine === 'owner') acts.push(them.role === 'moderator' ? 'member' : 'moderator', 'owner');
  return [...acts, them.muted ? 'unmute' : 'mute', 'remove', 'ban'];
}
