/* The search field and its page: filters found and completed, hits with marks, and every state that can be. */
import { screen, waitFor } from '@testing-library/react';
import { describe, expect, it, vi } from 'vitest';
import { SearchPage } from '@/features/search/SearchPage';
import { quoted, replace, tokens, withFilter, writing } from '@/features/search/query';
import { divide, type Hit, type Hits } from '@/state/search';
import { show } from './render';

describe('query', () => {
  it('finds filters and quotes where they stand', () => {
    expect(tokens('in:"two words" from:ada cat "a b" x')).toEqual([
      { filter: 'in', value: 'two words', from: 0, to: 14 },
      { filter: 'from', value: 'ada', from: 15, to: 23 },
      { filter: null, value: 'cat', from: 24, to: 27 },
      { filter: null, value: 'a b', from: 28, to: 33 },
      { filter: null, value: 'x', from: 34, to: 35 },
    ]);
    expect(tokens('IN:x in:')).toEqual([
      { filter: 'in', value: 'x', from: 0, to: 4 },
      { filter: 'in', value: '', from: 5, to: 8 },
    ]);
    expect(tokens('"open')).toEqual([{ filter: null, value: 'open', from: 0, to: 5 }]);
    expect(tokens('http://x')[0]?.filter).toBeNull();
    expect(tokens('   ')).toEqual([]);
  });

  it('knows what is being written at the caret', () => {
    expect(writing('cat in:ga', 9)?.value).toBe('ga');
    expect(writing('cat in:', 7)?.value).toBe('');
    expect(writing('cat in:ga dog', 13)).toBeNull();
    expect(writing('cat in:ga', 6)).toBeNull();
    expect(writing('cat', 3)).toBeNull();
  });

  it('replaces, removes and begins filters', () => {
    const text = 'cat in:ga dog';
    const token = tokens(text)[1];
    if (!token) throw new Error('no token');
    expect(replace(text, token, 'in:Garden')).toEqual({ text: 'cat in:Garden dog', caret: 14 });
    expect(replace(text, token, '')).toEqual({ text: 'cat dog', caret: 4 });
    expect(withFilter('cat ', 'from')).toBe('cat from:');
    expect(withFilter('', 'has', 'link')).toBe('has:link');
    expect(quoted('Release 1.0')).toBe('"Release 1.0"');
    expect(quoted('a"b')).toBe('"a b"');
    expect(quoted('Garden')).toBe('Garden');
  });
});

describe('divide', () => {
  it('divides a snippet at its marks', () => {
    expect(divide('🎉 ganz kurz', [{ from: 8, to: 12 }])).toEqual([
      { text: '🎉 ganz ', found: false },
      { text: 'kurz', found: true },
    ]);
    expect(divide('ab', [{ from: 0, to: 2 }])).toEqual([{ text: 'ab', found: true }]);
  });
  it('leaves unmarked what does not fit', () => {
    expect(divide('abc', [{ from: 2, to: 9 }, { from: 1, to: 1 }])).toEqual([{ text: 'abc', found: false }]);
    expect(divide('abcd', [{ from: 0, to: 3 }, { from: 2, to: 4 }])).toEqual([
      { text: 'abc', found: true },
      { text: 'd', found: false },
    ]);
  });
});

const hit = (seq: number, text: string): Hit => ({
  room: 1,
  seq,
  msgNo: seq,
  user: 7,
  atMs: 1_700_000_000_000,
  edited: false,
  parts: [{ text: `<b>${text}</b> `, found: false }, { text: 'cat', found: true }],
});

function page(answer: () => Promise<Hits>) {
  const search = vi.fn(answer);
  return { search, ...show(<SearchPage menu={null} />, undefined, { search }) };
}

async function ask(user: ReturnType<typeof show>['user'], text: string): Promise<void> {
  await user.type(screen.getByRole('combobox', { name: 'Search messages' }), text);
  await user.keyboard('{Enter}');
}

// Queries by role take their time in a simulated page on a busy machine.
describe('SearchPage', { timeout: 20_000 }, () => {
  it('shows hits as text, with their words marked, and goes on', async () => {
    let calls = 0;
    const { user, search } = page(async () => ({ hits: [hit(++calls, `line ${calls}`)], next: calls < 2 ? 'n1' : null, behind: 0 }));
    await ask(user, 'cat');
    expect((await screen.findByText('<b>line 1</b>')).tagName).toBe('SPAN'); // never markup
    expect(screen.getByText('cat', { selector: 'mark' })).toBeTruthy();
    expect(screen.getByRole('link', { name: /line 1/ }).getAttribute('href')).toContain('/1');
    await user.click(screen.getByRole('button', { name: 'Show older results' }));
    await screen.findByText('<b>line 2</b>');
    expect(screen.getByText('<b>line 1</b>')).toBeTruthy();
    expect(search.mock.calls.map((c: unknown[]) => c[1])).toEqual([null, 'n1']);
    expect(screen.queryByRole('button', { name: 'Show older results' })).toBeNull();
  });

  it('says that nothing was found, and that the index is behind', async () => {
    const { user } = page(async () => ({ hits: [], next: null, behind: 3 }));
    await ask(user, 'cat');
    await screen.findByText('Nothing was found for “cat”.');
    expect(screen.getByText(/still being indexed/)).toBeTruthy();
  });

  it('says what it cannot understand, beside that part of the query', async () => {
    const { user } = page(() => Promise.reject(Object.assign(new Error(), { code: 'bad_search', detail: 'Write a date.', position: 4, field: null, retryMs: 0 })));
    await ask(user, 'cat after:soon');
    expect((await screen.findByRole('alert')).textContent).toContain('after:soonWrite a date.');
    expect(screen.getByRole('combobox').getAttribute('aria-invalid')).toBe('true');
  });

  it('asks again after a failure when told to', async () => {
    let fails = true;
    const { user } = page(() => (fails ? Promise.reject(Object.assign(new Error(), { code: 'offline', detail: 'Not reached.', field: null, retryMs: 0 })) : Promise.resolve({ hits: [hit(1, 'x')], next: null, behind: 0 })));
    await ask(user, 'cat');
    await screen.findByText('Not reached.');
    fails = false;
    await user.click(screen.getByRole('button', { name: 'Try again' }));
    await screen.findByText('<b>x</b>');
    await waitFor(() => expect(screen.queryByText('Not reached.')).toBeNull());
  });

  it('completes rooms by keyboard, and takes filters away by their chips', async () => {
    const { user } = page(async () => ({ hits: [], next: null, behind: 0 }));
    const field = screen.getByRole<HTMLInputElement>('combobox');
    await user.type(field, 'cat in:');
    const offers = await screen.findAllByRole('option');
    expect(offers.length).toBeGreaterThan(0);
    await user.keyboard('{ArrowDown}{ArrowUp}{Enter}');
    expect(field.value).toMatch(/^cat in:\S+/);
    await user.click(screen.getByRole('button', { name: /take this filter away/ }));
    expect(field.value).toBe('cat');
  });
});
