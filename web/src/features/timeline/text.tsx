/* Text stays text: pieces of it become links only when they are addresses that a browser may safely open. */
import { Fragment, memo, useMemo, type ReactNode } from 'react';
import { callsIn, type Names } from '@/state/mentions';
import { parse, type Block, type Inline } from './markdown';

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

function Words({ text, calls }: { text: string; calls: Calls | null }): ReactNode {
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
      <Fragment key={i}>{calls ? called(piece.text, calls) : piece.text}</Fragment>
    ),
  );
}

/** Whom a line calls, by the names that this page knows. */
export interface Calls {
  users: readonly number[];
  names: Names;
  me: number;
}

function called(text: string, { users, names, me }: Calls): ReactNode {
  const parts: ReactNode[] = [];
  let from = 0;
  for (const call of callsIn(text, names)) {
    if (!users.includes(call.user)) continue;
    parts.push(text.slice(from, call.at));
    parts.push(
      <span
        key={call.at}
        className={call.user === me ? 'rounded-sm bg-ember px-0.5 font-semibold text-on-ember' : 'font-semibold text-accent'}
      >
        {text.slice(call.at, call.end)}
      </span>,
    );
    from = call.end;
  }
  parts.push(text.slice(from));
  return parts;
}

function Inlines({ nodes, calls }: { nodes: readonly Inline[]; calls: Calls | null }): ReactNode {
  return nodes.map((node, i) => {
    switch (node.type) {
      case 'text':
        return <Words key={i} text={node.text} calls={calls} />;
      case 'code':
        return (
          <code key={i} className="rounded-sm bg-sunk px-1 font-mono text-[0.9em]">
            {node.text}
          </code>
        );
      case 'strong':
        return <strong key={i}><Inlines nodes={node.children} calls={calls} /></strong>;
      case 'em':
        return <em key={i}><Inlines nodes={node.children} calls={calls} /></em>;
      case 'del':
        return <del key={i}><Inlines nodes={node.children} calls={calls} /></del>;
    }
  });
}

function Blocks({ blocks, calls }: { blocks: readonly Block[]; calls: Calls | null }): ReactNode {
  return blocks.map((block, i) => {
    switch (block.type) {
      case 'paragraph':
        return (
          <p key={i} className="whitespace-pre-wrap">
            <Inlines nodes={block.children} calls={calls} />
          </p>
        );
      case 'code':
        return (
          <figure key={i} className="my-1 max-w-full overflow-hidden rounded-md border border-line bg-sunk">
            {block.language ? <figcaption className="border-b border-line px-2.5 py-0.5 text-2xs text-ink-3">{block.language}</figcaption> : null}
            <pre tabIndex={0} aria-label={block.language ? `Code, ${block.language}` : 'Code'} className="thin-scroll ring-inside overflow-x-auto px-2.5 py-1.5 font-mono text-sm">
              <code>{block.text}</code>
            </pre>
          </figure>
        );
      case 'quote':
        return (
          <blockquote key={i} className="my-0.5 border-l-3 border-line-strong pl-2.5 text-ink-2">
            <Blocks blocks={block.children} calls={calls} />
          </blockquote>
        );
      case 'list': {
        const items = block.items.map((item, k) => (
          <li key={k}>
            <Inlines nodes={item} calls={calls} />
          </li>
        ));
        return block.ordered ? (
          <ol key={i} start={block.start} className="list-decimal pl-7">
            {items}
          </ol>
        ) : (
          <ul key={i} className="list-disc pl-5">
            {items}
          </ul>
        );
      }
    }
  });
}

/** A line's text as a tree of our own elements: nothing of it is ever read as HTML. */
export const RichText = memo(function RichText({ text, calls = null }: { text: string; calls?: Calls | null }): ReactNode {
  return <Blocks blocks={useMemo(() => parse(text), [text])} calls={calls} />;
});
