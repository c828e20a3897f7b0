import { fireEvent, screen } from '@testing-library/react';
import { describe, expect, test } from 'vitest';
import { Composer } from '@/features/composer/Composer';
import { applySubOk, applyEvent, applyLive, emptyTimeline } from '@/state/timeline';
import type { State } from '@/state/store';
import { ev, ME, posted, ROOM, subOk } from '../support';
import { show } from './render';

const field = () => screen.getByRole<HTMLTextAreaElement>('textbox');

function withOwnLine(s: State): State {
  let t = applySubOk({ ...emptyTimeline(ROOM), ask: false }, subOk({ head: 2 }));
  t = applyEvent(t, ev(posted(1, { user: ME, body: ['my words'] })));
  t = applyLive(applyEvent(t, ev(posted(2))), 2);
  return { ...s, timelines: new Map([[ROOM, t]]) };
}

const composer = <Composer room={ROOM} name="Garden" />;

describe('the composer', () => {
  test('Enter sends once and empties, Shift and Enter is a new line', async () => {
    const { user, commands } = show(composer);
    await user.type(field(), 'one{Shift>}{Enter}{/Shift}two{Enter}{Enter}');
    expect(commands.post).toHaveBeenCalledExactlyOnceWith(ROOM, 'one\ntwo', 0);
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
    expect(commands.edit).toHaveBeenCalledExactlyOnceWith(ROOM, 1, 'my words!');
    expect(commands.post).not.toHaveBeenCalled();
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
