import { render, screen } from '@testing-library/react';
import { describe, expect, test } from 'vitest';
import { rank, score } from '@/features/rooms/fuzzy';
import { isEmojiOnly, linkify, RichText } from '@/features/timeline/text';
import { roomLeft, sendable } from '@/features/composer/text';

const links = (text: string) => linkify(text).flatMap((p) => p.href ?? []);

describe('links', () => {
  test.each([
    ['see https://example.org/a?b=c#d.', 'https://example.org/a?b=c#d'],
    ['(https://example.org/x)', 'https://example.org/x'],
    ['https://en.wikipedia.org/wiki/Rook_(bird), yes', 'https://en.wikipedia.org/wiki/Rook_(bird)'],
    ['HTTP://EXAMPLE.ORG', 'http://example.org/'],
    ['write to ada@example.org!', 'mailto:ada@example.org'],
    ['mailto:ada@example.org', 'mailto:ada@example.org'],
  ])('%s', (text, href) => {
    expect(links(text)).toEqual([href]);
    expect(linkify(text).map((p) => p.text).join('')).toBe(text);
  });

  test.each(['javascript:alert(1)', 'data:text/html,x', 'file:///etc/passwd', 'https://', 'ftp://x.org', 'vbscript:x'])(
    'none: %s',
    (text) => expect(links(text)).toEqual([]),
  );

  test('text is text, and a link says nothing of where it was found', () => {
    render(<RichText text={'<img src=x onerror=alert(1)> https://example.org'} />);
    expect(screen.getByText(/<img src=x/)).toBeTruthy();
    const link = screen.getByRole('link');
    expect(link.getAttribute('rel')).toBe('noopener noreferrer nofollow');
  });
});

describe('emoji only', () => {
  test.each(['👍', '👩‍👩‍👧‍👦 🎉', '🇳🇱🇳🇱', '👋🏽', '❤️'])('%s', (text) => expect(isEmojiOnly(text)).toBe(true));
  test.each(['', ' ', '1', '#', 'ok 👍', '👍👍👍👍👍👍👍'])('not: "%s"', (text) => expect(isEmojiOnly(text)).toBe(false));
});

describe('what is sent', () => {
  test('is without emptiness around it and without what no server takes', () => {
    expect(sendable('\n\n  a\r\nb\u0000\u0007 \n ')).toBe('  a\nb');
    expect(sendable('a\tb')).toBe('a\tb');
    expect(sendable('x\ud800y')).toBe('x\ufffdy');
    expect(sendable(' \n ')).toBe('');
  });

  test('is counted in bytes; the counter comes near the end', () => {
    expect(roomLeft('é'.repeat(2048))).toEqual({ left: 0, shown: true });
    expect(roomLeft('é'.repeat(2049)).left).toBe(-2);
    expect(roomLeft('hello').shown).toBe(false);
  });
});

describe('finding a room by a few letters', () => {
  test('all letters in order; beginnings of words first', () => {
    expect(score('xyz', 'Garden')).toBeNull();
    expect(rank('rg', ['Garden', 'Reading group', 'Large'], (n) => n)[0]).toBe('Reading group');
    expect(rank('lun', ['A lunar base', 'Lunch'], (n) => n)).toEqual(['Lunch', 'A lunar base']);
    expect(rank('', ['b', 'a'], (n) => n)).toEqual(['b', 'a']);
  });
});
