/* What a search answers, as the client keeps it. */

/** A line that was found. */
export interface Hit {
  room: number;
  seq: number;
  msgNo: number;
  user: number;
  atMs: number;
  edited: boolean;
  /** The part of it around the first word, and which stretches of that are words that were found. */
  parts: readonly { text: string; found: boolean }[];
}

export interface Hits {
  hits: readonly Hit[];
  /** Where the next page goes on; null: this was all. */
  next: string | null;
  /** Events of one's rooms that cannot be found yet. */
  behind: number;
}

/** A line beside one that was found. */
export interface Neighbour {
  seq: number;
  user: number;
  atMs: number;
  /** null: deleted. */
  text: string | null;
}

/** A snippet divided at its marks: `marks` ascend and lie apart, in UTF-16 code units. What does not fit is left unmarked. */
export function divide(snippet: string, marks: readonly { from: number; to: number }[]): Hit['parts'] {
  const parts: { text: string; found: boolean }[] = [];
  let at = 0;
  for (const { from, to } of marks) {
    if (from < at || to <= from || to > snippet.length) continue;
    if (from > at) parts.push({ text: snippet.slice(at, from), found: false });
    parts.push({ text: snippet.slice(from, to), found: true });
    at = to;
  }
  if (at < snippet.length) parts.push({ text: snippet.slice(at), found: false });
  return parts;
}
