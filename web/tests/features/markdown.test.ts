import { describe, expect, test } from 'vitest';
import { parse, parseInline, plainText, type Block, type Inline } from '@/features/timeline/markdown';
import { callsIn, mentionsIn } from '@/state/mentions';
import { EMOJI, findEmoji } from '@/features/timeline/emoji';
import { utf8Length } from '@/proto/utf8';
import { LIMITS } from '@/proto/messages.gen';

const flat = (nodes: readonly Inline[]): string =>
  nodes.map((n) => ('text' in n ? (n.type === 'code' ? `<c>${n.text}</c>` : n.text) : `<${n.type}>${flat(n.children)}</${n.type}>`)).join('');
const shape = (blocks: readonly Block[]): string[] =>
  blocks.map((b) =>
    b.type === 'paragraph' ? flat(b.children) : b.type === 'code' ? `code ${b.language}: ${b.text}` : b.type === 'quote' ? `> ${shape(b.children).join(' | ')}` : `${b.ordered ? b.start : '-'} ${b.items.map(flat).join(' | ')}`,
  );

describe('inline', () => {
  test.each([
    ['plain', 'plain'],
    ['**bold** and *italic* and _so_', '<strong>bold</strong> and <em>italic</em> and <em>so</em>'],
    ['~~gone~~', '<del>gone</del>'],
    ['**bold with *italic* in it**', '<strong>bold with <em>italic</em> in it</strong>'],
    ['`a *b* c`', '<c>a *b* c</c>'],
    ['2 * 3 * 4', '2 * 3 * 4'],
    ['snake_case_name', 'snake_case_name'],
    ['**not closed', '**not closed'],
    ['*crossed **over* here**', '<em>crossed **over</em> here**'],
    ['``', '``'],
    ['a ` b', 'a ` b'],
    ['https://x.org/a_b_c*d* _e_', 'https://x.org/a_b_c*d* <em>e</em>'],
    ['<b>no</b> &amp;', '<b>no</b> &amp;'],
    ['****', '****'],
  ])('%s', (text, expected) => expect(flat(parseInline(text))).toBe(expected));
});

describe('blocks', () => {
  test.each<[string, string[]]>([
    ['a\nb', ['a\nb']],
    ['```js\nlet *a* = 1;\n```', ['code js: let *a* = 1;']],
    ['before\n```\nx\n```\nafter', ['before', 'code : x', 'after']],
    ['```\nnot closed', ['```\nnot closed']],
    ['> one\n> two\nthree', ['> one\ntwo', 'three']],
    ['- a\n- *b*\ntext', ['- a | <em>b</em>', 'text']],
    ['3. c\n4. d', ['3 c | d']],
    ['-', ['-']],
    ['', []],
  ])('%j', (text, expected) => expect(shape(parse(text))).toEqual(expected));
});

describe('hostile text costs no more than other text', () => {
  const n = LIMITS.TEXT_BYTES_MAX;
  test.each([
    ['stars', '*'.repeat(n)],
    ['openers', '*a '.repeat(n / 3)],
    ['pairs that cross', '*a **b '.repeat(n / 7)],
    ['nested', '**a *b '.repeat(n / 14) + 'b* a** '.repeat(n / 14)],
    ['backticks', '`'.repeat(n)],
    ['lonely backticks', '` '.repeat(n / 2)],
    ['underscores', '_a'.repeat(n / 2)],
    ['fences', '```\n'.repeat(n / 4)],
    ['open fences', '```a\n'.repeat(n / 5)],
    ['quotes', '>'.repeat(n)],
    ['many quotes', '> \n'.repeat(n / 3)],
    ['lists', '- a\n'.repeat(n / 4)],
    ['calls', '@'.repeat(n)],
    ['addresses', 'https://'.repeat(n / 8)],
  ])('%s', (_, text) => {
    const names = new Map([['ann', 1]]);
    const since = performance.now();
    parse(text);
    callsIn(text, names);
    plainText(text, 100);
    expect(performance.now() - since).toBeLessThan(2000);
  });

  test('nesting ends somewhere', () => {
    const depth = (blocks: readonly Block[]): number => Math.max(0, ...blocks.map((b) => (b.type === 'quote' ? 1 + depth(b.children) : 0)));
    expect(depth(parse('>'.repeat(1000)))).toBeLessThanOrEqual(6);
  });
});

describe('who is called', () => {
  const names = new Map([
    ['ann', 2],
    ['ann lee', 3],
    ['bob', 4],
  ]);
  test('the longest name that is known, as a whole word', () => {
    expect(callsIn('@Ann Lee, @bob! @bobby x@ann.org @nobody', names).map((c) => c.user)).toEqual([3, 4]);
  });
  test('each once, not oneself, and at most as many as a line can call', () => {
    expect(mentionsIn('@ann @bob @ANN', names, 4)).toEqual([2]);
    const many = new Map(Array.from({ length: 40 }, (_, i) => [`u${i}x`, 100 + i] as const));
    const text = [...many.keys()].map((n) => `@${n}`).join(' ');
    expect(mentionsIn(text, many, 0)).toHaveLength(LIMITS.MENTIONS_MAX);
  });
});

test('every emoji of the picker can be sent, and has words of its own', () => {
  for (const e of EMOJI) {
    expect(utf8Length(e.emoji), e.words).toBeLessThanOrEqual(LIMITS.EMOJI_BYTES_MAX);
    expect(e.words).not.toBe('');
  }
  expect(new Set(EMOJI.map((e) => e.emoji)).size).toBe(EMOJI.length);
  expect(findEmoji('thumbs up').map((e) => e.emoji)).toEqual(['👍']);
});
