/* A small part of Markdown, to a tree: bold, italic, struck, code, fenced code, quotes, lists. Everything else is text.
 * A parser of our own: what a line of chat needs is less than any library brings, it never sees HTML, and each of its
 * passes looks at a character a bounded number of times, whatever somebody types to slow it down. */

export type Inline =
  | { type: 'text'; text: string }
  | { type: 'code'; text: string }
  | { type: 'strong' | 'em' | 'del'; children: Inline[] };

export type Block =
  | { type: 'paragraph'; children: Inline[] }
  | { type: 'code'; language: string; text: string }
  | { type: 'quote'; children: Block[] }
  | { type: 'list'; ordered: boolean; start: number; items: Inline[][] };

/** Nested deeper than this, delimiters are text. */
const DEPTH_MAX = 6;
const FENCE = /^```([\w+#.-]{0,24})[ \t]*$/;
const BULLET = /^[ \t]{0,3}[-*][ \t]+(?=\S)/;
const NUMBER = /^[ \t]{0,3}(\d{1,9})[.)][ \t]+(?=\S)/;

/* ---- inline ---- */

const MARKS = { '**': 'strong', '*': 'em', _: 'em', '~~': 'del' } as const;
type Mark = keyof typeof MARKS;

type Token = { text: string } | { code: string } | { mark: Mark; opens: boolean; closes: boolean; partner: number };

const isSpace = (c: string | undefined) => c === undefined || /\s/u.test(c);
const isWord = (c: string | undefined) => c !== undefined && /[\p{L}\p{N}]/u.test(c);
const ADDRESS = /(?:https?:\/\/|mailto:)[^\s<>"]+/giu;

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let from = 0;
  const flush = (to: number) => {
    if (to > from) tokens.push({ text: text.slice(from, to) });
  };
  // Addresses are left alone: their underscores and stars are their own.
  const addresses = [...text.matchAll(ADDRESS)].map((m) => ({ at: m.index, end: m.index + m[0].length }));
  let address = 0;
  for (let i = 0; i < text.length; ) {
    while ((addresses[address]?.end ?? Infinity) <= i) address++;
    const inside = addresses[address];
    if (inside && i >= inside.at) {
      i = inside.end;
      continue;
    }
    const c = text[i];
    if (c === '`') {
      const end = text.indexOf('`', i + 1);
      if (end < 0 || end === i + 1) {
        i += end === i + 1 ? 2 : 1;
        continue;
      }
      flush(i);
      tokens.push({ code: text.slice(i + 1, end) });
      from = i = end + 1;
      continue;
    }
    const mark: Mark | null =
      c === '*' ? (text[i + 1] === '*' ? '**' : '*') : c === '_' ? '_' : c === '~' && text[i + 1] === '~' ? '~~' : null;
    if (!mark) {
      i++;
      continue;
    }
    const before = i === 0 ? undefined : text[i - 1];
    const after = text[i + mark.length];
    const opens = !isSpace(after) && (mark !== '_' || !isWord(before));
    const closes = !isSpace(before) && (mark !== '_' || !isWord(after));
    flush(i);
    tokens.push({ mark, opens, closes, partner: -1 });
    from = i += mark.length;
  }
  flush(text.length);
  return tokens;
}

/** Each mark is put on the stack and taken off at most once. */
function pair(tokens: Token[]): void {
  const stack: number[] = [];
  const open: Record<Mark, number> = { '**': 0, '*': 0, _: 0, '~~': 0 };
  tokens.forEach((token, i) => {
    if (!('mark' in token)) return;
    if (token.closes && open[token.mark] > 0) {
      for (;;) {
        const at = stack.pop() ?? 0;
        const other = tokens[at];
        if (!other || !('mark' in other)) return;
        open[other.mark]--;
        if (other.mark !== token.mark) continue; // it was never closed: text
        if (at + 1 < i) {
          other.partner = i;
          token.partner = at;
        }
        return;
      }
    }
    if (token.opens) {
      stack.push(i);
      open[token.mark]++;
    }
  });
}

function build(tokens: readonly Token[], from: number, to: number, depth: number): Inline[] {
  const nodes: Inline[] = [];
  const addText = (text: string) => {
    const last = nodes.at(-1);
    if (last?.type === 'text') last.text += text;
    else nodes.push({ type: 'text', text });
  };
  for (let i = from; i < to; i++) {
    const token = tokens[i];
    if (!token) break;
    if ('text' in token) addText(token.text);
    else if ('code' in token) nodes.push({ type: 'code', text: token.code });
    else if (token.partner > i && depth < DEPTH_MAX) {
      nodes.push({ type: MARKS[token.mark], children: build(tokens, i + 1, token.partner, depth + 1) });
      i = token.partner;
    } else addText(token.mark);
  }
  return nodes;
}

export function parseInline(text: string): Inline[] {
  const tokens = tokenize(text);
  pair(tokens);
  return build(tokens, 0, tokens.length, 0);
}

/* ---- blocks ---- */

export function parse(text: string, depth = 0): Block[] {
  const lines = text.split('\n');
  const blocks: Block[] = [];
  let words: string[] = [];
  /** Where the last fence stands, so that an unclosed one is looked for once. */
  const lastFence = lines.findLastIndex((line) => line.trimEnd() === '```');
  const flush = () => {
    const joined = words.join('\n').replace(/^\n+|\n+$/g, '');
    if (joined !== '') blocks.push({ type: 'paragraph', children: parseInline(joined) });
    words = [];
  };
  for (let i = 0; i < lines.length; ) {
    const line = lines[i] ?? '';
    const fence = FENCE.exec(line);
    if (fence && lastFence > i) {
      let end = i + 1;
      while ((lines[end] ?? '').trimEnd() !== '```') end++;
      flush();
      blocks.push({ type: 'code', language: fence[1] ?? '', text: lines.slice(i + 1, end).join('\n') });
      i = end + 1;
      continue;
    }
    if (/^>/.test(line) && depth < DEPTH_MAX) {
      const inner: string[] = [];
      for (; /^>/.test(lines[i] ?? ''); i++) inner.push((lines[i] ?? '').replace(/^> ?/, ''));
      flush();
      blocks.push({ type: 'quote', children: parse(inner.join('\n'), depth + 1) });
      continue;
    }
    const marker = BULLET.test(line) ? BULLET : NUMBER.test(line) ? NUMBER : null;
    if (marker) {
      const items: Inline[][] = [];
      const start = Number(NUMBER.exec(line)?.[1] ?? 1);
      for (; marker.test(lines[i] ?? ''); i++) items.push(parseInline((lines[i] ?? '').replace(marker, '')));
      flush();
      blocks.push({ type: 'list', ordered: marker === NUMBER, start, items });
      continue;
    }
    words.push(line);
    i++;
  }
  flush();
  return blocks;
}

/** The words alone, for quotes and previews. */
export function plainText(text: string, max: number): string {
  const flat = text
    .replace(/^```[^\n]*$/gm, '')
    .replace(/^(?:>|[ \t]{0,3}[-*][ \t])[ \t]*/gm, '')
    .replace(/\*\*|~~|`/g, '')
    .replace(/\s+/g, ' ')
    .trim();
  return flat.length > max ? `${flat.slice(0, max).trimEnd()}…` : flat;
}
