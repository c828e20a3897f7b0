/* What a person typed to what may be sent. */
import { LIMITS } from '@/proto/messages.gen';
import { utf8Length } from '@/proto/utf8';

/** The counter appears when less than this is left. */
const COUNTER_FROM_BYTES = 400;

/** Without what no server takes (control characters but tab and line feed, halves of characters) and without
 * emptiness around it. */
export function sendable(text: string): string {
  return (
    text
      .replace(/\r\n?/g, '\n')
      // eslint-disable-next-line no-control-regex
      .replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, '')
      .replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '\ufffd')
      .replace(/^(?:[ \t]*\n)+|\s+$/g, '')
  );
}

export interface Room {
  /** Bytes that may still be added; below 0: so many too many. */
  left: number;
  shown: boolean;
}

export function roomLeft(text: string): Room {
  const left = LIMITS.TEXT_BYTES_MAX - utf8Length(sendable(text));
  return { left, shown: left < COUNTER_FROM_BYTES };
}
