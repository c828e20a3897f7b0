import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fileName, saveExport } from '@/app/export';
import type { Http } from '@/net/http';

const LINES = '{"type":"export_begin","room":7}\n{"type":"event","seq":1}\n';
const END = '{"type":"export_end","room":7,"count":1}\n';

/** Comes in pieces of a few bytes, as a network may give it. */
function http(text: string, piece = 7): Http {
  const bytes = new TextEncoder().encode(text);
  let at = 0;
  const stream = () =>
    Promise.resolve(
      new ReadableStream<Uint8Array>({
        pull(controller) {
          if (at === bytes.length) return controller.close();
          controller.enqueue(bytes.slice(at, at + piece));
          at = Math.min(at + piece, bytes.length);
        },
      }),
    );
  return { stream } as unknown as Http;
}

describe('an export', () => {
  const saved: Blob[] = [];
  beforeEach(() => {
    saved.length = 0;
    vi.stubGlobal('URL', Object.assign(URL, { createObjectURL: (blob: Blob) => (saved.push(blob), 'blob:x'), revokeObjectURL: () => undefined }));
    vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(() => undefined);
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });

  it('is saved whole, and says how much has come', async () => {
    const seen: number[] = [];
    const bytes = await saveExport(http(LINES + END), 7, 'Nest', (n) => seen.push(n), new AbortController().signal);
    expect(bytes).toBe((LINES + END).length);
    expect(seen.at(-1)).toBe(bytes);
    expect(saved).toHaveLength(1);
    expect(saved[0]?.size).toBe(bytes);
  });

  it('without its last line is not saved', async () => {
    for (const text of [LINES, LINES + END.slice(0, 10), ''])
      await expect(saveExport(http(text), 7, 'Nest', () => undefined, new AbortController().signal)).rejects.toMatchObject({ code: 'cut' });
    expect(saved).toHaveLength(0);
  });

  it('goes into a file as it comes where the browser can write one, and a cut one is dropped', async () => {
    const calls: string[] = [];
    const file = {
      write: (bytes: Uint8Array) => (calls.push(`write ${bytes.length}`), Promise.resolve()),
      close: () => (calls.push('close'), Promise.resolve()),
      abort: () => (calls.push('abort'), Promise.resolve()),
    };
    vi.stubGlobal('showSaveFilePicker', () => Promise.resolve({ createWritable: () => Promise.resolve(file) }));
    await saveExport(http(LINES + END, 1000), 7, 'Nest', () => undefined, new AbortController().signal);
    expect(calls).toEqual([`write ${(LINES + END).length}`, 'close']);
    calls.length = 0;
    await expect(saveExport(http(LINES, 1000), 7, 'Nest', () => undefined, new AbortController().signal)).rejects.toMatchObject({ code: 'cut' });
    expect(calls).toEqual([`write ${LINES.length}`, 'abort']);
    expect(saved).toHaveLength(0);
  });

  it('has a name that every file system takes', () => {
    expect(fileName('Näst 1')).toBe('Näst 1.ndjson');
    expect(fileName('../a:b')).toBe('.. a b.ndjson');
    expect(fileName(' / ')).toBe('room.ndjson');
  });
});
