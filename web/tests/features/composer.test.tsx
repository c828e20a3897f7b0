import { fireEvent, screen, waitFor } from '@testing-library/react';
import { describe, expect, test, vi } from 'vitest';
import { Composer } from '@/features/composer/Composer';
import { applySubOk, applyEvent, applyLive, emptyTimeline } from '@/state/timeline';
import type { State } from '@/state/store';
import { ev, ME, posted, ROOM, subOk } from '../support';
import { mentionQuery } from '@/state/mentions';
import type { Entry } from '@/state/outbox';
import { show } from './render';

const field = () => screen.getByRole<HTMLTextAreaElement>('textbox');

function withOwnLine(s: State): State {
  let t = applySubOk({ ...emptyTimeline(ROOM), ask: false }, subOk({ head: 2 }));
  t = applyEvent(t, ev(posted(1, { user: ME, body: ['my words'] })));
  t = applyLive(applyEvent(t, ev(posted(2))), 2);
  return { ...s, timelines: new Map([[ROOM, t]]) };
}

const composer = <Composer room={ROOM} name="Garden" />;

const member = (id: number, name: string) => ({ id, name, role: 'member' as const, muted: false });
const options = () => screen.queryAllByRole('option').map((o) => o.textContent?.replace(/^\w?(?=[A-Z])/, ''));

describe('calling somebody', { timeout: 20_000 }, () => {
  const findMembers = () => vi.fn(async (_room: number, query: string) => (query.startsWith('mi') ? [member(7, 'Mira'), member(8, 'Ole Mikkel')] : []));

  test('by keyboard: the list follows what is typed, Enter takes one, and the id goes along', async () => {
    const find = findMembers();
    const { user, commands } = show(composer, undefined, { findMembers: find });
    await user.type(field(), 'hi @mi');
    await waitFor(() => expect(screen.getAllByRole('option')).toHaveLength(2), { timeout: 5000 });
    expect(field().getAttribute('aria-activedescendant')).toBe(screen.getAllByRole('option')[0]?.id);
    expect(field().getAttribute('aria-controls')).toBe(screen.getByRole('listbox').id);
    await user.keyboard('{ArrowDown}');
    expect(screen.getAllByRole('option')[1]?.getAttribute('aria-selected')).toBe('true');
    await user.keyboard('{Enter}');
    expect(field().value).toBe('hi @Ole Mikkel ');
    expect(options()).toHaveLength(0);
    await user.keyboard('there{Enter}');
    expect(commands.post).toHaveBeenCalledExactlyOnceWith(ROOM, 'hi @Ole Mikkel there', 0, new Map([['ole mikkel', 8]]));
  });

  test('a whole list is narrowed here, and asked for once', async () => {
    const find = findMembers();
    const { user } = show(composer, undefined, { findMembers: find });
    await user.type(field(), '@mi');
    await waitFor(() => expect(screen.getAllByRole('option')).toHaveLength(2), { timeout: 5000 });
    const times = find.mock.calls.length;
    await user.keyboard('k');
    await waitFor(() => expect(screen.getAllByRole('option')).toHaveLength(1), { timeout: 5000 });
    expect(find.mock.calls).toHaveLength(times);
  });

  test('Escape closes it, and Enter sends then', async () => {
    const { user, commands } = show(composer, undefined, { findMembers: findMembers() });
    await user.type(field(), '@mi');
    await waitFor(() => expect(screen.getAllByRole('option')).toHaveLength(2), { timeout: 5000 });
    await user.keyboard('{Escape}');
    expect(screen.queryByRole('listbox')).toBeNull();
    await user.keyboard('{Enter}');
    expect(commands.post).toHaveBeenCalledOnce();
  });

  test('nobody is called by an address of mail, or a line further up', () => {
    expect(mentionQuery('ann@mi', 6)).toBeNull();
    expect(mentionQuery('@mi\nra', 6)).toBeNull();
    expect(mentionQuery('@ mi', 4)).toBeNull();
    expect(mentionQuery('so @Ole Mi', 10)).toEqual({ at: 3, query: 'Ole Mi' });
    expect(mentionQuery('@', 1)).toEqual({ at: 0, query: '' });
    expect(mentionQuery('@one two three four', 19)).toBeNull();
  });
});

describe('the composer', () => {
  test('Enter sends once and empties, Shift and Enter is a new line', async () => {
    const { user, commands } = show(composer);
    await user.type(field(), 'one{Shift>}{Enter}{/Shift}two{Enter}{Enter}');
    expect(commands.post).toHaveBeenCalledExactlyOnceWith(ROOM, 'one\ntwo', 0, expect.any(Map));
    expect(field().value).toBe('');
  });

  test('Enter of an input method is not ours', () => {
    const { commands } = show(composer);
    fireEvent.change(field(), { target: { value: 'かな' } });
    fireEvent.keyDown(field(), { key: 'Enter', isComposing: true });
    fireEvent.keyDown(field(), { key: 'Enter', keyCode: 229 });
    expect(commands.post).not.toHaveBeenCalled();
    fireEvent.keyDown(field(), { key: 'Enter' });
    expect(commands.post).toHaveBeenCalledOnce();
  });

  test('nothing but emptiness is not sent', async () => {
    const { user, commands } = show(composer);
    await user.type(field(), '   {Enter}');
    expect(commands.post).not.toHaveBeenCalled();
  });

  test('one byte too long is refused and kept, with words', () => {
    const { commands } = show(composer);
    fireEvent.change(field(), { target: { value: 'x'.repeat(4097) } });
    fireEvent.keyDown(field(), { key: 'Enter' });
    expect(commands.post).not.toHaveBeenCalled();
    expect(screen.getByRole('alert').textContent).toMatch(/^Not sent: 1 byte too long/);
    expect(field().value).toHaveLength(4097);
    expect(field().getAttribute('aria-invalid')).toBe('true');
    fireEvent.change(field(), { target: { value: 'x'.repeat(4096) } });
    fireEvent.keyDown(field(), { key: 'Enter' });
    expect(commands.post).toHaveBeenCalledOnce();
  });

  test('says that somebody is typing', async () => {
    const { user, commands } = show(composer);
    await user.type(field(), 'a');
    expect(commands.typing).toHaveBeenCalledWith(ROOM);
  });

  test('ArrowUp in an empty field changes the last own line; Escape gives up', async () => {
    const { user, commands } = show(composer, withOwnLine);
    await user.type(field(), '{ArrowUp}');
    expect(field().value).toBe('my words');
    await user.type(field(), ', or not{Escape}');
    expect(field().value).toBe('');
    expect(document.activeElement).toBe(field());
    expect(commands.edit).not.toHaveBeenCalled();
    await user.type(field(), '{ArrowUp}!{Enter}');
    expect(commands.edit).toHaveBeenCalledExactlyOnceWith(ROOM, 1, 'my words!', expect.any(Map));
    expect(commands.post).not.toHaveBeenCalled();
  });

  test('ArrowUp changes no older line while the last own one is on its way', async () => {
    const { user, store } = show(composer, withOwnLine);
    const newer = { clientId: 'c', user: ME, room: ROOM, work: { what: 'post', text: 'newer words' }, createdMs: 1, state: 'sent' } as Entry;
    store.setState((s) => ({ ...s, outbox: { ...s.outbox, entries: [newer] } }));
    await user.type(field(), '{ArrowUp}');
    expect(field().value).toBe('');
    store.setState((s) => ({ ...s, outbox: { ...s.outbox, entries: [] } }));
    await user.type(field(), '{ArrowUp}');
    expect(field().value).toBe('my words');
  });

  test('an unchanged line is not sent as a change; a draft is not touched by changing', async () => {
    const { user, commands, store } = show(composer, withOwnLine);
    await user.type(field(), '{ArrowUp}{Enter}');
    expect(commands.edit).not.toHaveBeenCalled();
    await user.type(field(), 'draft{ArrowUp}');
    expect(field().value).toBe('draft');
    expect(store.getState().drafts.editing).toBeNull();
  });
});
