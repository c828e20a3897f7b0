import { useEffect, useId, useLayoutEffect, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';
import { Tray } from '@/features/files/Tray';
import { useApp, useCommands, useMe, useReadState } from '@/state/hooks';
import { findLine } from '@/state/timeline';
import { uploadsOf, type Upload } from '@/state/uploads';
import { IconButton } from '@/ui/Button';
import { cx } from '@/ui/cx';
import { Icon } from '@/ui/Icon';
import { MentionList } from './MentionList';
import { roomLeft, sendable } from './text';
import { useFileDrop } from './useFileDrop';
import { useMentions } from './useMentions';

export const COMPOSER_ID = 'composer';

/* Why files keep a message back; nothing when all are there. */
function notReady(uploads: readonly Upload[]): string {
  if (uploads.some((u) => u.state === 'failed')) return 'Not sent: retry or remove the file that was not uploaded.';
  return uploads.every((u) => u.state === 'ready') ? '' : 'Not sent: wait until the files are uploaded.';
}

/** Mounted afresh for each room. The text is the room's draft in the state, or, while a line is being changed, its own. */
export function Composer({ room, name, quote }: { room: number; name: string; quote?: ReactNode }) {
  const commands = useCommands();
  const read = useReadState();
  const me = useMe()?.id ?? 0;
  const draft = useApp((s) => s.drafts.byRoom.get(room) ?? '');
  const editing = useApp((s) => (s.drafts.editing?.room === room ? s.drafts.editing.seq : null));
  const replying = useApp((s) => (s.drafts.replying?.room === room ? s.drafts.replying.seq : 0));
  const offline = useApp((s) => s.link.state !== 'online');
  const [changed, setChanged] = useState<{ seq: number; text: string } | null>(null);
  const [refused, setRefused] = useState(false);
  const uploads = useApp((s) => uploadsOf(s.uploads, room));
  const [fileNote, setFileNote] = useState('');
  const [heldBack, setHeldBack] = useState(false);
  const picker = useRef<HTMLInputElement>(null);
  const area = useRef<HTMLTextAreaElement>(null);
  const id = useId();

  // Someone asked for a line to be changed: its text comes in, the focus too; the draft waits underneath.
  if (editing !== null && changed?.seq !== editing) {
    const t = read().timelines.get(room);
    setChanged({ seq: editing, text: (t && findLine(t, editing)?.text) ?? '' });
    setRefused(false);
  } else if (editing === null && changed !== null) {
    setChanged(null);
    setRefused(false);
  }
  useEffect(() => {
    if (editing === null) return;
    const el = area.current;
    el?.focus();
    el?.setSelectionRange(el.value.length, el.value.length);
  }, [editing]);
  useEffect(() => {
    if (replying) area.current?.focus();
  }, [replying]);
  useEffect(
    () => () => {
      if (read().drafts.replying?.room === room) commands.setReplying(null);
      if (read().drafts.editing?.room === room) commands.setEditing(null);
    },
    [commands, read, room],
  );

  const text = changed?.text ?? draft;
  const { left, shown } = roomLeft(text);
  const mentions = useMentions(room, text, area, (next) => (changed ? setChanged({ ...changed, text: next }) : commands.setDraft(room, next)));

  // Grows with its text where CSS alone cannot (field-sizing).
  useLayoutEffect(() => {
    const el = area.current;
    if (!el || CSS.supports?.('field-sizing', 'content')) return;
    el.style.height = 'auto';
    el.style.height = `${el.scrollHeight}px`;
  }, [text]);

  function stopEditing(): void {
    commands.setEditing(null);
    area.current?.focus();
  }

  function send(): void {
    const clean = sendable(text);
    if (clean === '' && !changed && uploads.length === 0) return;
    if (left < 0) {
      setRefused(true);
      area.current?.focus();
      return;
    }
    setRefused(false);
    if (changed) {
      const t = read().timelines.get(room);
      const before = t && findLine(t, changed.seq)?.text;
      if (clean !== '' && before !== null && clean !== before) commands.edit(room, changed.seq, clean, mentions.picked());
      stopEditing();
      return;
    }
    if (uploads.length > 0) {
      if (!commands.share(room, clean, replying, mentions.picked())) {
        setFileNote('');
        setHeldBack(true);
        return;
      }
      setFileNote('');
      setHeldBack(false);
    } else {
      commands.post(room, clean, replying, mentions.picked());
    }
    commands.setDraft(room, '');
    commands.setReplying(null);
    area.current?.focus();
  }

  function attach(files: readonly File[]): void {
    if (files.length === 0 || changed) return;
    setHeldBack(false);
    setFileNote(commands.addFiles(room, files));
    area.current?.focus();
  }

  const dropping = useFileDrop(attach);

  function editLast(): boolean {
    const items = read().timelines.get(room)?.items ?? [];
    const { entries } = read().outbox;
    // The last own line is on its way: the one before it is not what is meant.
    if (entries.some((e) => e.room === room && e.work.what === 'post' && e.state !== 'failed')) return false;
    const busy = new Set(entries.map((e) => (e.work.what === 'edit' || e.work.what === 'delete' ? e.work.target : 0)));
    for (let i = items.length - 1; i >= 0; i--) {
      const item = items[i];
      if (item?.type !== 'line' || item.user !== me || item.text === null || busy.has(item.seq)) continue;
      commands.setEditing({ room, seq: item.seq });
      return true;
    }
    return false;
  }

  function onKeyDown(e: KeyboardEvent<HTMLTextAreaElement>): void {
    // While an input method composes, Enter and Escape are its own (229: browsers that say so in no other way).
    if (e.nativeEvent.isComposing || e.keyCode === 229) return;
    if (mentions.onKeyDown(e)) return;
    if (e.key === 'Enter' && !e.shiftKey && !e.ctrlKey && !e.altKey && !e.metaKey) {
      e.preventDefault();
      send();
    } else if (e.key === 'Escape' && changed) {
      e.preventDefault();
      e.stopPropagation();
      stopEditing();
    } else if (e.key === 'Escape' && replying) {
      e.preventDefault();
      e.stopPropagation();
      commands.setReplying(null);
    } else if (e.key === 'ArrowUp' && !e.altKey && !changed && draft === '' && editLast()) {
      e.preventDefault();
    }
  }

  const tooLong = left < 0;
  const note = fileNote || (heldBack ? notReady(uploads) : '');
  const nothing = sendable(text) === '' && (changed !== null || uploads.length === 0);
  return (
    <form
      className="relative px-3 pb-[max(0.75rem,env(safe-area-inset-bottom))] sm:px-5 sm:pb-4"
      onSubmit={(e) => {
        e.preventDefault();
        send();
      }}
    >
      <MentionList mentions={mentions} />
      <div
        className={cx(
          'rounded-xl border bg-raised shadow-sheet transition-colors has-[textarea:focus]:ring-1',
          dropping && 'outline-2 outline-offset-2 outline-accent outline-dashed',
          tooLong
            ? 'border-danger has-[textarea:focus]:ring-danger'
            : 'border-field-line has-[textarea:focus]:border-accent has-[textarea:focus]:ring-accent',
        )}
      >
        {replying && !changed ? (
          <div className="flex items-center gap-2 border-b border-line px-3.5 py-1">
            <div className="min-w-0 flex-1">{quote}</div>
            <button
              type="button"
              className="tap rounded-md px-2 text-xs font-semibold text-accent underline underline-offset-2"
              onClick={() => {
                commands.setReplying(null);
                area.current?.focus();
              }}
            >
              Do not reply
            </button>
          </div>
        ) : null}
        {changed ? (
          <div className="flex items-center gap-2 border-b border-line px-3.5 py-1 text-xs font-semibold text-accent">
            <Icon name="pencil" className="size-4" />
            <span className="flex-1">Editing your message</span>
            <button type="button" className="tap rounded-md px-2 underline underline-offset-2" onClick={stopEditing}>
              Cancel
            </button>
          </div>
        ) : null}
        {changed ? null : <Tray room={room} />}
        <div className="flex items-end gap-1 py-1 pr-1 pl-1">
          <input
            ref={picker}
            type="file"
            multiple
            hidden
            onChange={(e) => {
              attach([...(e.target.files ?? [])]);
              e.target.value = ''; // the same file may be picked again
            }}
          />
          <IconButton icon="clip" label="Attach files" disabled={changed !== null} onClick={() => picker.current?.click()} className="disabled:opacity-40" />
          <label htmlFor={COMPOSER_ID} className="sr-only">
            {changed ? 'Change the message' : `Message to ${name}`}
          </label>
          <textarea
            id={COMPOSER_ID}
            ref={area}
            rows={1}
            value={text}
            dir="auto"
            enterKeyHint="send"
            autoComplete="off"
            placeholder="Write a message"
            aria-invalid={tooLong || undefined}
            aria-describedby={shown ? `${id}-left` : undefined}
            onChange={(e) => {
              const { value } = e.target;
              mentions.onCaret();
              setRefused(false);
              if (changed) {
                setChanged({ ...changed, text: value });
                return;
              }
              commands.setDraft(room, value);
              if (value.trim() !== '') commands.typing(room);
            }}
            onKeyDown={onKeyDown}
            onSelect={mentions.onCaret}
            {...mentions.field}
            onPaste={(e) => {
              if (e.clipboardData.files.length === 0) return;
              e.preventDefault();
              attach([...e.clipboardData.files]);
            }}
            className="thin-scroll max-h-[38dvh] min-h-9 flex-1 resize-none bg-transparent py-1.5 text-base outline-none [field-sizing:content] placeholder:text-ink-3 pointer-coarse:min-h-11 pointer-coarse:py-2.5"
          />
          <button
            type="submit"
            aria-label={changed ? 'Save the change' : 'Send'}
            title={changed ? 'Save the change' : 'Send (Enter)'}
            aria-disabled={nothing || undefined}
            className={cx(
              'tap inline-flex shrink-0 items-center justify-center rounded-lg transition-colors',
              nothing ? 'text-ink-3' : 'bg-accent text-on-accent hover:bg-accent-strong',
            )}
          >
            <Icon name={changed ? 'check' : 'send'} />
          </button>
        </div>
      </div>
      {note ? (
        <p role="alert" className="px-1 pt-1 text-xs font-semibold text-danger">
          {note}
        </p>
      ) : null}
      <div className="flex min-h-5 items-center justify-between gap-3 px-1 pt-1 text-xs text-ink-3">
        <span className="hidden truncate sm:inline">
          {offline ? 'Offline: what you send is kept on this device.' : dropping ? 'Drop the files to attach them' : 'Enter sends, Shift and Enter starts a new line'}
        </span>
        <span
          id={`${id}-left`}
          role={refused ? 'alert' : undefined}
          className={cx('ml-auto tabular-nums', tooLong && 'font-semibold text-danger')}
        >
          {!shown
            ? ''
            : tooLong
              ? `${refused ? 'Not sent: ' : ''}${-left} ${left === -1 ? 'byte' : 'bytes'} too long. Shorten it, or send it in parts.`
              : `${left} ${left === 1 ? 'byte' : 'bytes'} left`}
        </span>
      </div>
    </form>
  );
}
