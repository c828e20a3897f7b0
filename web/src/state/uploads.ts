/* Files of this device that a line will show: on their way, refused, or ready. Pure; app/files.ts moves the bytes. */
import type { FileInfo } from './fold';

export interface Upload {
  /** Its client id: a repeat finds the first upload. */
  id: string;
  name: string;
  bytes: number;
  state: 'waiting' | 'sending' | 'ready' | 'failed';
  /** Bytes on their way. */
  sent: number;
  /** A sentence: why it failed. */
  reason: string;
  /** An address in this page, of an image; null: none. */
  preview: string | null;
  /** What the server made of it, once it is ready. */
  info: FileInfo | null;
}

export type Uploads = ReadonlyMap<number, readonly Upload[]>;

export const NO_UPLOADS: readonly Upload[] = [];

export function uploadsOf(uploads: Uploads, room: number): readonly Upload[] {
  return uploads.get(room) ?? NO_UPLOADS;
}

export function withUploads(uploads: Uploads, room: number, list: readonly Upload[]): Uploads {
  const next = new Map(uploads);
  if (list.length > 0) next.set(room, list);
  else next.delete(room);
  return next;
}

export function changeUpload(uploads: Uploads, room: number, id: string, change: Partial<Upload>): Uploads {
  const list = uploadsOf(uploads, room);
  return list.some((u) => u.id === id) ? withUploads(uploads, room, list.map((u) => (u.id === id ? { ...u, ...change } : u))) : uploads;
}

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB'] as const;

/** "1.4 MiB" */
export function sizeText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 || Number.isInteger(value) ? 0 : 1;
  return bytes === 1 ? '1 byte' : `${Number(value.toFixed(digits))} ${UNITS[unit] ?? ''}`;
}

export function isImage(file: FileInfo): boolean {
  return file.width > 0 && file.height > 0 && /^image\/(?:png|jpeg|gif|webp)$/.test(file.mime);
}
