/* Which room was open last, so that a visit begins where the one before ended. */
const key = (user: number) => `rookery.room.${user}`;

export function rememberRoom(user: number, room: number): void {
  try {
    localStorage.setItem(key(user), String(room));
  } catch {
    /* then it begins at the first */
  }
}

export function lastRoom(user: number): number {
  try {
    return Number(localStorage.getItem(key(user)) ?? 0);
  } catch {
    return 0;
  }
}
