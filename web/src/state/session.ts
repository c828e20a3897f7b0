/* Who is signed in, as far as the page knows. The access token itself stays out of here: nothing that draws needs it. */

export interface Me {
  id: number;
  name: string;
  admin: boolean;
  /** An administrator gave them their password: they are asked for another one first. */
  mustChange: boolean;
}

export type Session =
  /** The page has just loaded: the refresh cookie, if there may be one, is being asked. */
  | { status: 'unknown' }
  /** The server could not be asked; `who` it was is kept where it is known. */
  | { status: 'unreachable' }
  | { status: 'out'; why: 'never' | 'left' | 'ended' }
  | { status: 'in'; me: Me };

export const initialSession: Session = { status: 'unknown' };

export function signedIn(_: Session, me: Me): Session {
  return { status: 'in', me };
}

/** A session that never was stays so: "you were signed out" would be untrue. */
export function signedOut(s: Session, why: 'never' | 'left' | 'ended'): Session {
  if (s.status === 'out') return s;
  return { status: 'out', why: s.status === 'in' ? why : 'never' };
}

export function unreachable(s: Session): Session {
  return s.status === 'in' ? s : { status: 'unreachable' };
}
