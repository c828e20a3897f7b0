/* Moves files: up, two at a time, each with the client id under which a repeat finds it; down, into addresses of this page,
 * since an address of the server's may carry no token. */
import type { Http } from '@/net/http';
import { LIMITS, type FileStoredJson } from '@/proto/messages.gen';
import { newClientId } from '@/proto/ulid';
import { utf8Length } from '@/proto/utf8';
import { failureOf } from '@/state/commands';
import type { FileInfo } from '@/state/fold';
import type { Store } from '@/state/store';
import { changeUpload, sizeText, uploadsOf, withUploads, type Upload } from '@/state/uploads';

const AT_ONCE = 2;
/** Addresses that are kept: beyond it the one that was longest not asked for is given back. */
const URLS_MAX = 60;
const LOADS_AT_ONCE = 4;

/** Bytes of a name keep their end, which says what it is. */
export function nameOf(name: string): string {
  // eslint-disable-next-line no-control-regex
  let clean = name.replace(/[/\\\u0000-\u001f\u007f]+/g, ' ').trim() || 'file';
  const dot = clean.lastIndexOf('.');
  const end = dot > 0 && clean.length - dot <= 12 ? clean.slice(dot) : '';
  let start = clean.slice(0, clean.length - end.length);
  while (utf8Length(start + end) > LIMITS.FILE_NAME_BYTES_MAX) start = [...start].slice(0, -1).join('');
  clean = start + end;
  return clean === '.' || clean === '..' ? 'file' : clean;
}

/** Null: it may be uploaded; else a sentence. Nothing of it is sent before. */
export function refusalOf(file: { name: string; size: number }, max: number | null): string | null {
  if (max === 0) return 'This server takes no files.';
  if (max !== null && file.size > max) {
    const has = sizeText(file.size) === sizeText(max) ? 'a few bytes more' : sizeText(file.size);
    return `This server takes files up to ${sizeText(max)}; ${file.name} has ${has}.`;
  }
  return null;
}

export function createFiles(store: Store, http: Http) {
  const held = new Map<string, { file: File; abort: AbortController | null }>();
  const urls = new Map<string, Promise<string>>();
  let loading = 0;
  const loads: (() => void)[] = [];

  const change = (room: number, id: string, to: Partial<Upload>) =>
    store.setState((s) => ({ uploads: changeUpload(s.uploads, room, id, to) }));
  const find = (room: number, id: string) => uploadsOf(store.getState().uploads, room).find((u) => u.id === id);

  function release(u: Upload): void {
    held.get(u.id)?.abort?.abort();
    held.delete(u.id);
    if (u.preview !== null) URL.revokeObjectURL(u.preview);
  }

  function pump(): void {
    const all = [...store.getState().uploads].flatMap(([room, list]) => list.map((u) => ({ room, u })));
    let running = all.filter(({ u }) => u.state === 'sending').length;
    for (const { room, u } of all) {
      if (running >= AT_ONCE) return;
      if (u.state !== 'waiting') continue;
      running += 1;
      void send(room, u);
    }
  }

  async function send(room: number, u: Upload): Promise<void> {
    const at = held.get(u.id);
    if (!at) return;
    const abort = (at.abort = new AbortController());
    change(room, u.id, { state: 'sending', sent: 0, reason: '' });
    try {
      const query = { name: u.name, client_id: u.id };
      const info = await http.upload<FileStoredJson>(`/rooms/${room}/files`, query, at.file, (sent) => change(room, u.id, { sent }), abort.signal);
      change(room, u.id, { state: 'ready', sent: u.bytes, info });
    } catch (e) {
      if (abort.signal.aborted) return pump();
      const { code, detail } = failureOf(e);
      const known = code === 'too_large' ? refusalOf({ name: u.name, size: u.bytes }, store.getState().fileBytesMax) : null;
      change(room, u.id, { state: 'failed', reason: known ?? detail });
    }
    pump();
  }

  async function load(room: number, file: number): Promise<string> {
    if (loading >= LOADS_AT_ONCE) await new Promise<void>((resolve) => loads.push(resolve));
    loading += 1;
    try {
      const body = await http.stream(`/rooms/${room}/files/${file}`, AbortSignal.timeout(600_000));
      return URL.createObjectURL(await new Response(body).blob());
    } finally {
      loading -= 1;
      loads.shift()?.();
    }
  }

  function url(room: number, file: number): Promise<string> {
    const key = `${room}/${file}`;
    const known = urls.get(key) ?? load(room, file);
    urls.delete(key);
    urls.set(key, known); // the newest at the end
    known.catch(() => urls.delete(key));
    for (const [old, address] of urls) {
      if (urls.size <= URLS_MAX) break;
      urls.delete(old);
      void address.then((at) => URL.revokeObjectURL(at)).catch(() => undefined);
    }
    return known;
  }

  return {
    add(this: void, room: number, files: readonly File[]): string {
      const before = uploadsOf(store.getState().uploads, room);
      const refused: string[] = [];
      const fresh: Upload[] = [];
      for (const file of files) {
        const why =
          before.length + fresh.length >= LIMITS.LINE_FILES_MAX
            ? `A message shows at most ${LIMITS.LINE_FILES_MAX} files.`
            : refusalOf(file, store.getState().fileBytesMax);
        if (why !== null) {
          if (!refused.includes(why)) refused.push(why);
          continue;
        }
        const preview = /^image\/(?:png|jpeg|gif|webp)$/.test(file.type) ? URL.createObjectURL(file) : null;
        const u: Upload = { id: newClientId(), name: nameOf(file.name), bytes: file.size, state: 'waiting', sent: 0, reason: '', preview, info: null };
        held.set(u.id, { file, abort: null });
        fresh.push(u);
      }
      store.setState((s) => ({ uploads: withUploads(s.uploads, room, [...before, ...fresh]) }));
      pump();
      return refused.join(' ');
    },
    retry(this: void, room: number, id: string): void {
      if (find(room, id)?.state !== 'failed') return;
      change(room, id, { state: 'waiting' });
      pump();
    },
    remove(this: void, room: number, id: string): void {
      const u = find(room, id);
      if (!u) return;
      release(u);
      store.setState((s) => ({ uploads: withUploads(s.uploads, room, uploadsOf(s.uploads, room).filter((other) => other.id !== id)) }));
      // What it took on the server is given back; if that fails, it is thrown away there after a day.
      if (u.info) http.request('DELETE', `/rooms/${room}/files/${u.info.file}`).catch(() => undefined);
      pump();
    },
    /** Those that lie ready, and the tray is empty; null: one is not ready. */
    take(room: number): FileInfo[] | null {
      const list = uploadsOf(store.getState().uploads, room);
      const infos = list.flatMap((u) => (u.info ? [u.info] : []));
      if (infos.length !== list.length || infos.length === 0) return null;
      list.forEach(release);
      store.setState((s) => ({ uploads: withUploads(s.uploads, room, []) }));
      return infos.map(({ file, name, mime, bytes, width, height }) => ({ file, name, mime, bytes, width, height }));
    },
    url,
    async save(this: void, room: number, file: FileInfo): Promise<void> {
      const link = Object.assign(document.createElement('a'), { href: await url(room, file.file), download: file.name });
      link.click();
    },
    /** The session is over. */
    close(): void {
      for (const list of store.getState().uploads.values()) list.forEach(release);
      for (const address of urls.values()) void address.then((at) => URL.revokeObjectURL(at)).catch(() => undefined);
      urls.clear();
    },
  };
}
