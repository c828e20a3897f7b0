/* A room's export, from the server into a file. Where the browser can write a file as it comes, it does; elsewhere the
 * whole is kept in memory first. A file without its last line was cut, and is not called a success. */
import { ApiError, type Http } from '@/net/http';

interface FileHandle {
  createWritable(): Promise<WritableStream<Uint8Array> & { write(bytes: Uint8Array): Promise<void>; abort(): Promise<void> }>;
}
interface Picker {
  showSaveFilePicker?: (options: { suggestedName: string }) => Promise<FileHandle>;
}

const END = '{"type":"export_end"';
const TAIL_BYTES = 256; // the last line is shorter

interface Sink {
  write(bytes: Uint8Array): Promise<void>;
  done(): Promise<void>;
  drop(): Promise<void>;
}

export function fileName(name: string): string {
  return `${name.replace(/[\\/:*?"<>|\p{C}]+/gu, ' ').trim() || 'room'}.ndjson`;
}

/** null: the person chose no file. */
async function openSink(name: string): Promise<Sink | null> {
  const pick = (window as Picker).showSaveFilePicker;
  if (pick) {
    const handle = await pick.call(window, { suggestedName: name }).catch((e: unknown) => {
      if (e instanceof DOMException && e.name === 'AbortError') return null;
      throw e;
    });
    if (!handle) return null;
    const file = await handle.createWritable();
    return { write: (bytes) => file.write(bytes), done: () => file.close(), drop: () => file.abort() };
  }
  const parts: BlobPart[] = [];
  return {
    write(bytes) {
      parts.push(bytes as Uint8Array<ArrayBuffer>);
      return Promise.resolve();
    },
    done() {
      const url = URL.createObjectURL(new Blob(parts, { type: 'application/x-ndjson' }));
      const link = Object.assign(document.createElement('a'), { href: url, download: name });
      link.click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
      return Promise.resolve();
    },
    drop: () => Promise.resolve(),
  };
}

/** The end of what came so far, so that the last line can be looked at. */
function tailOf(tail: Uint8Array, bytes: Uint8Array): Uint8Array {
  const both = new Uint8Array(tail.length + Math.min(bytes.length, TAIL_BYTES));
  both.set(tail);
  both.set(bytes.subarray(-TAIL_BYTES), tail.length);
  return bytes.length >= TAIL_BYTES ? bytes.slice(-TAIL_BYTES) : both.slice(-TAIL_BYTES);
}

export async function saveExport(
  http: Http,
  room: number,
  name: string,
  progress: (bytes: number) => void,
  signal: AbortSignal,
): Promise<number | null> {
  const sink = await openSink(fileName(name));
  if (!sink) return null;
  let count = 0;
  let tail: Uint8Array = new Uint8Array();
  try {
    const reader = (await http.stream(`/rooms/${room}/export`, signal)).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      await sink.write(value);
      tail = tailOf(tail, value);
      progress((count += value.length));
    }
  } catch (e) {
    await sink.drop();
    if (e instanceof ApiError || signal.aborted) throw e;
    throw cut();
  }
  const last = new TextDecoder().decode(tail).trimEnd().split('\n').at(-1) ?? '';
  if (!last.startsWith(END)) {
    await sink.drop();
    throw cut();
  }
  await sink.done();
  return count;
}

function cut(): ApiError {
  const detail = 'The export was cut off before its end, and is not kept. Try again.';
  return new ApiError({ status: 0, code: 'cut', detail, retryMs: 0, field: null });
}
