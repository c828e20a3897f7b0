/* The text of a search field: its filters as chips, and what is being written at the caret. The server reads queries;
 * this only has to find the filters again. */
export const FILTERS = ['in', 'from', 'before', 'after', 'has'] as const;
export type Filter = (typeof FILTERS)[number];

export interface Token {
  filter: Filter | null;
  /** Without quotes. */
  value: string;
  /** Where it stands in the text. */
  from: number;
  to: number;
}

const TOKEN = /(?:(in|from|before|after|has):)?(?:"([^"]*)(?:"|$)|(\S*))/giy;

export function tokens(text: string): Token[] {
  const found: Token[] = [];
  let at = 0;
  while (at < text.length) {
    if (/\s/.test(text.charAt(at))) {
      at++;
      continue;
    }
    TOKEN.lastIndex = at;
    const m = TOKEN.exec(text);
    if (!m || m[0] === '') break;
    found.push({ filter: (m[1]?.toLowerCase() as Filter | undefined) ?? null, value: m[2] ?? m[3] ?? '', from: at, to: at + m[0].length });
    at += m[0].length;
  }
  return found;
}

/** The filter that is being written where the caret stands: at its end, after the colon. */
export function writing(text: string, caret: number): Token | null {
  return tokens(text).find((t) => t.filter !== null && caret === t.to && caret > text.indexOf(':', t.from)) ?? null;
}

/** As a filter's value: quoted where a space would end it. */
export function quoted(value: string): string {
  const plain = value.replace(/"/g, ' ').trim();
  return /\s/.test(plain) ? `"${plain}"` : plain;
}

/** The text with the token replaced, and where the caret goes. An empty `by` takes it out. */
export function replace(text: string, token: Token, by: string): { text: string; caret: number } {
  const before = text.slice(0, token.from);
  const after = text.slice(token.to).trimStart();
  if (by === '') return { text: (before + after).trimEnd(), caret: before.length };
  return { text: `${before}${by} ${after}`, caret: before.length + by.length + 1 };
}

/** The text with the beginning of a filter at its end, ready for its value. */
export function withFilter(text: string, filter: Filter, value = ''): string {
  const lead = text.trimEnd();
  return `${lead}${lead ? ' ' : ''}${filter}:${value}`;
}
