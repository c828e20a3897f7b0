/* Parts of the client that are fetched when they are first wanted. */
import { lazy, type ComponentType } from 'react';

const RELOADED_AT = 'rookery.reloaded_at';
const ONCE_MS = 60_000;

/** A part that is gone was replaced by a newer build of the server: one reload gets the newer page. Drafts and unsent
 * messages are kept on the device, so nothing is lost by it. A second failure within a minute goes to the boundary. */
export async function fetchPart<T>(fetch: () => Promise<T>, reload = () => location.reload()): Promise<T> {
  try {
    return await fetch();
  } catch (error) {
    const before = Number(sessionStorage.getItem(RELOADED_AT) ?? 0);
    if (navigator.onLine === false || Date.now() - before < ONCE_MS) throw error;
    sessionStorage.setItem(RELOADED_AT, String(Date.now()));
    reload();
    return new Promise<T>(() => {}); // the page goes away
  }
}

export function part<P extends object>(fetch: () => Promise<ComponentType<P>>) {
  return lazy(() => fetchPart(fetch).then((component) => ({ default: component })));
}
