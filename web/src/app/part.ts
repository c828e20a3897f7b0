/* Parts of the client that are fetched when they are first wanted. */
import { lazy, type ComponentType } from 'react';

const RELOADED_AT = 'rookery.reloaded_at';
const ONCE_MS = 60_000;

/** False: it was reloaded a moment ago, and that did not help. */
export function reloadOnce(reload = () => location.reload()): boolean {
  const before = Number(sessionStorage.getItem(RELOADED_AT) ?? 0);
  if (Date.now() - before < ONCE_MS) return false;
  sessionStorage.setItem(RELOADED_AT, String(Date.now()));
  reload();
  return true;
}

/** A part that is gone was replaced by a newer build of the server: one reload gets the newer page. Drafts and unsent
 * messages are kept on the device, so nothing is lost by it. A second failure within a minute goes to the boundary. */
export async function fetchPart<T>(fetch: () => Promise<T>, reload = () => location.reload()): Promise<T> {
  try {
    return await fetch();
  } catch (error) {
    if (navigator.onLine === false || !reloadOnce(reload)) throw error;
    return new Promise<T>(() => {}); // the page goes away
  }
}

export function part<P extends object>(fetch: () => Promise<ComponentType<P>>) {
  return lazy(() => fetchPart(fetch).then((component) => ({ default: component })));
}
