/* A picture from anywhere becomes a small square one: it is sent to everybody who sees its owner. */
import { LIMITS } from '@/proto/messages.gen';
import { ApiError } from '@/net/http';

const SIDE_PX = 256;
/** Those that the server takes, the smallest first. A browser that cannot write one makes a PNG of it. */
const FORMATS = ['image/webp', 'image/jpeg'] as const;

function refuse(detail: string): ApiError {
  return new ApiError({ status: 0, code: 'bad_picture', detail, retryMs: 0, field: null });
}

/** The largest square in the middle of it. */
export function square(width: number, height: number): { x: number; y: number; side: number } {
  const side = Math.min(width, height);
  return { x: (width - side) / 2, y: (height - side) / 2, side };
}

export async function scaled(file: Blob): Promise<Blob> {
  const bitmap = await createImageBitmap(file).catch(() => {
    throw refuse('This file is no picture that the browser can read.');
  });
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = SIDE_PX;
  const { x, y, side } = square(bitmap.width, bitmap.height);
  const context = canvas.getContext('2d');
  if (!context || side === 0) throw refuse('This picture cannot be scaled here.');
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, x, y, side, side, 0, 0, SIDE_PX, SIDE_PX);
  bitmap.close();
  for (const type of FORMATS) {
    const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, type, 0.88));
    if (blob && blob.size <= LIMITS.AVATAR_BYTES_MAX) return blob;
  }
  throw refuse('This picture stays too large, even when it is made small.');
}
