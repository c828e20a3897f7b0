/* What anybody may know of the server before they sign in. */
export type SignupMode = 'open' | 'invite' | 'closed';

export const SIGNUP_MODES: readonly SignupMode[] = ['open', 'invite', 'closed'];

export interface ServerInfo {
  name: string;
  signup: SignupMode;
  /** False: nobody has signed up yet, and whoever does is the administrator. */
  setUp: boolean;
}

export function serverOf(info: { name: string; signup: number; set_up: boolean }): ServerInfo {
  return { name: info.name, signup: SIGNUP_MODES[info.signup] ?? 'closed', setUp: info.set_up };
}
