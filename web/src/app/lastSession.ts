/* Whether somebody may still be signed in here, so that a first visit does not ask for what there is not: browsers write
 * each refused request to the console. A hint and no secret: the cookie decides, which no script can read. Without a
 * storage to keep it in, the server is asked. */
const KEY = 'rookery.signed_in';

export function rememberSession(): void {
  try {
    localStorage.setItem(KEY, '1');
  } catch {
    /* then maySessionBe cannot read it either, or the next visit begins at the login */
  }
}

export function forgetSession(): void {
  try {
    localStorage.removeItem(KEY);
  } catch {
    /* one refused request more */
  }
}

export function maySessionBe(): boolean {
  try {
    return localStorage.getItem(KEY) !== null;
  } catch {
    return true;
  }
}
