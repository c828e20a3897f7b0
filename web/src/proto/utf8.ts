const encoder = new TextEncoder();

/** Length as the server counts it. */
export function utf8Length(text: string): number {
  return encoder.encode(text).length;
}
