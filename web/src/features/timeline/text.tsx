/* Text stays text: pieces of it become links only when they are addresses that a browser may safely open. */
import { Fragment, type ReactNode } from 'react';

const CANDIDATE = /\b(?:https?:\/\/|mailto:)[^\s<>"]+|\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b/giu;
const SAFE = new Set(['http:', 'https:', 'mailto:']);
const EMOJI_MAX = 6;

export type Piece = { text: string; href?: string };

/** Punctuation at the end belongs to the sentence, and so does a bracket that was opened outside. */
function trimmed(candidate: string): string {
  let text = candidate;
  for (;;) {
    const last = text.at(-1) ?? '';
    const opener = { ')': '(', ']': '[', '}': '{' }[last];
    const unbalanced = opener !== undefined && text.split(last).length > text.split(opener).length;
    if (/[.,;:!?'"*_~…]/u.test(last) || unbalanced) text = text.slice(0, -1);
    else return text;
  }
}

function hrefOf(text: string): string | undefined {
  const address = /^(?:https?:|mailto:)/i.test(text) ? text : `mailto:${text}`;
  if (!URL.canParse(address)) return undefined;
  const url = new URL(address);
  if (!SAFE.has(url.protocol)) return undefined;
  return url.protocol === 'mailto:' || url.hostname !== '' ? url.href : undefined;
}

export function linkify(text: string): Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  for (const match of text.matchAll(CANDIDATE)) {
    const shown = trimmed(match[0]);
    const href = hrefOf(shown);
    if (!href) continue;
    if (match.index > from) pieces.push({ text: text.slice(from, match.index) });
    pieces.push({ text: shown, href });
    from = match.index + shown.length;
  }
  if (from < text.length) pieces.push({ text: text.slice(from) });
  return pieces;
}

const PICTURE = /^(?:\p{Extended_Pictographic}|\p{Emoji_Modifier}|\p{Regional_Indicator}|\u200d|\ufe0f|\s)+$/u;

/** A line of a few emoji and nothing else is shown larger. */
export function isEmojiOnly(text: string): boolean {
  const bare = text.trim();
  if (bare === '' || bare.length > EMOJI_MAX * 14 || !PICTURE.test(bare)) return false;
  const graphemes = [...new Intl.Segmenter().segment(bare)].filter((g) => g.segment.trim() !== '');
  return graphemes.length <= EMOJI_MAX;
}

export function RichText({ text }: { text: string }): ReactNode {
  return linkify(text).map((piece, i) =>
    piece.href ? (
      <a
        key={i}
        href={piece.href}
        target="_blank"
        rel="noopener noreferrer nofollow"
        className="text-accent underline decoration-1 underline-offset-2 hover:decoration-2"
      >
        {piece.text}
      </a>
    ) : (
      <Fragment key={i}>{piece.text}</Fragment>
    ),
  );
}
