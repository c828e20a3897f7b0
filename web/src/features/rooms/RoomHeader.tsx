import { useRef, useState, type ReactNode } from 'react';
import { Link } from 'react-router';
import { failureOf } from '@/state/commands';
import { useApp, useCommands } from '@/state/hooks';
import { pinsText } from '@/state/pins';
import type { Room } from '@/state/rooms';
import { Button } from '@/ui/Button';
import { cx } from '@/ui/cx';
import { Dialog, DialogActions, DialogBody } from '@/ui/Dialog';
import { Icon } from '@/ui/Icon';
import { Menu, MenuItem } from '@/ui/Menu';
import { AddPeopleDialog } from './AddPeopleDialog';
import { NotifyChoice } from './NotifyChoice';
import { ExportDialog } from './ExportDialog';
import { RoomIcon } from './RoomIcon';
import { RoomSettingsDialog } from './RoomSettingsDialog';

interface RoomHeaderProps {
  room: Room;
  before: ReactNode;
  membersShown: boolean;
  pinsShown: boolean;
  onPins: () => void;
  onMembers: () => void;
  onLeft: () => void;
}

export function RoomHeader({ room, before, membersShown, pinsShown, onPins, onMembers, onLeft }: RoomHeaderProps) {
  const here = useApp((s) => s.presence.get(room.id)?.here);
  const [leaving, setLeaving] = useState(false);
  const [open, setOpen] = useState<'export' | 'settings' | 'people' | 'archive' | null>(null);
  const manages = room.role !== 'member' && room.visibility !== 'direct';
  const shut = () => setOpen(null);
  const pick = (close: () => void, what: typeof open) => () => {
    close();
    setOpen(what);
  };
  const members = room.members;
  const pins = useApp((s) => s.pins.get(room.id));
  const words = `${members ?? 'Unknown number of'} ${members === 1 ? 'member' : 'members'}${here === undefined ? '' : `, ${here} here now`}`;
  return (
    <header className="flex h-14 shrink-0 items-center gap-2 border-b border-line pr-2 pl-2 sm:pl-4 md:pl-6">
      {before}
      <div className="min-w-0 flex-1">
        <h1 className="flex items-center gap-1.5 leading-6 font-bold tracking-tight">
          <RoomIcon visibility={room.visibility} className="size-4.5 text-ink-3" />
          <bdi className="truncate">{room.name}</bdi>
          {room.archived ? (
            <span className="shrink-0 rounded-sm bg-page px-1.5 text-2xs font-semibold text-ink-2">archived</span>
          ) : null}
        </h1>
        {room.topic ? (
          <p dir="auto" title={room.topic} className="truncate text-xs leading-4 text-ink-3">
            {room.topic}
          </p>
        ) : null}
      </div>
      <Link
        to={`/search?q=${encodeURIComponent(`in:${room.id} `)}`}
        aria-label="Search in this room"
        title="Search in this room"
        className="tap inline-flex shrink-0 items-center justify-center rounded-md text-ink-2 hover:bg-page-hover hover:text-ink"
      >
        <Icon name="search" />
      </Link>
      <button
        type="button"
        onClick={onPins}
        aria-pressed={pinsShown}
        aria-label={`${pins ? pinsText(pins) : 'Unknown number of'} pinned messages. ${pinsShown ? 'Hide' : 'Show'} them`}
        title="Pinned messages"
        className={cx(
          'tap inline-flex shrink-0 items-center gap-1.5 rounded-md px-2 text-sm text-ink-2 tabular-nums hover:bg-page-hover hover:text-ink',
          pinsShown && 'bg-accent-soft text-accent',
        )}
      >
        <Icon name="pin" />
        {pins && (pins.byLine.size > 0 || pins.more) ? pinsText(pins) : ''}
      </button>
      <button
        type="button"
        onClick={onMembers}
        aria-pressed={membersShown}
        aria-label={`${words}. ${membersShown ? 'Hide' : 'Show'} them`}
        title={words}
        className={cx(
          'tap inline-flex shrink-0 items-center gap-1.5 rounded-md px-2 text-sm text-ink-2 tabular-nums hover:bg-page-hover hover:text-ink',
          membersShown && 'bg-accent-soft text-accent',
        )}
      >
        <Icon name="people" />
        {members ?? ''}
      </button>
      <Menu
        label="Room menu"
        buttonClass="tap inline-flex items-center justify-center rounded-md text-ink-2 hover:bg-page-hover hover:text-ink"
        panelClass="right-0 top-full mt-1"
        button={<Icon name="dots" />}
      >
        {(close) => (
          <>
            <NotifyChoice room={room} onChosen={close} />
            {manages && !room.archived ? (
              <>
                <MenuItem icon="person" onSelect={pick(close, 'people')}>
                  Add people
                </MenuItem>
                <MenuItem icon="gear" onSelect={pick(close, 'settings')}>
                  Room settings
                </MenuItem>
              </>
            ) : null}
            {room.role === 'owner' ? (
              <MenuItem icon="down" onSelect={pick(close, 'export')}>
                Export this room
              </MenuItem>
            ) : null}
            {manages ? (
              <MenuItem icon="box" onSelect={pick(close, 'archive')}>
                {room.archived ? 'Open this room again' : 'Archive this room'}
              </MenuItem>
            ) : null}
            {room.visibility === 'direct' ? null : (
              <MenuItem
                icon="leave"
                danger
                onSelect={() => {
                  close();
                  setLeaving(true);
                }}
              >
                Leave this room
              </MenuItem>
            )}
          </>
        )}
      </Menu>
      {leaving ? <LeaveDialog room={room} onClose={() => setLeaving(false)} onLeft={onLeft} /> : null}
      {open === 'export' ? <ExportDialog room={room} onClose={shut} /> : null}
      {open === 'settings' ? <RoomSettingsDialog room={room} onClose={shut} /> : null}
      {open === 'people' ? <AddPeopleDialog room={room} onClose={shut} /> : null}
      {open === 'archive' ? <ArchiveDialog room={room} onClose={shut} /> : null}
    </header>
  );
}

function ArchiveDialog({ room, onClose }: { room: Room; onClose: () => void }) {
  const commands = useCommands();
  const cancel = useRef<HTMLButtonElement>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState('');
  const on = !room.archived;
  return (
    <Dialog
      title={
        <>
          {on ? 'Archive' : 'Open'} <bdi>{room.name}</bdi>
          {on ? '?' : ' again?'}
        </>
      }
      onClose={onClose}
      initialFocus={cancel}
    >
      <DialogBody>
        <p className="text-sm text-ink-2">
          {on
            ? 'It stays to be read and searched. Nobody can write in it or come in, until it is opened again.'
            : 'Its members can write in it again, and others can come in.'}
        </p>
        <p role="alert" className="mt-2 text-sm text-danger empty:hidden">
          {error}
        </p>
      </DialogBody>
      <DialogActions>
        <Button ref={cancel} onClick={onClose}>
          Cancel
        </Button>
        <Button
          tone="primary"
          busy={busy}
          onClick={() => {
            setBusy(true);
            setError('');
            commands.archiveRoom(room.id, on).then(onClose, (e: unknown) => {
              setBusy(false);
              setError(failureOf(e).detail);
            });
          }}
        >
          {on ? 'Archive room' : 'Open again'}
        </Button>
      </DialogActions>
    </Dialog>
  );
}

function LeaveDialog({ room, onClose, onLeft }: { room: Room; onClose: () => void; onLeft: () => void }) {
  const commands = useCommands();
  const stay = useRef<HTMLButtonElement>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState('');
  return (
    <Dialog
      title={
        <>
          Leave <bdi>{room.name}</bdi>?
        </>
      }
      onClose={onClose}
      initialFocus={stay}
    >
      <DialogBody>
        <p className="text-sm text-ink-2">
          {room.visibility === 'public'
            ? 'What you said stays there. You can join again whenever you like.'
            : 'What you said stays there. The room is private: a moderator would have to bring you in again.'}
        </p>
        <p role="alert" className="mt-2 text-sm text-danger empty:hidden">
          {error}
        </p>
      </DialogBody>
      <DialogActions>
        <Button ref={stay} onClick={onClose}>
          Stay
        </Button>
        <Button
          tone="danger"
          busy={busy}
          onClick={() => {
            setBusy(true);
            setError('');
            commands.leaveRoom(room.id).then(onLeft, (e: unknown) => {
              setBusy(false);
              setError(failureOf(e).detail);
            });
          }}
        >
          Leave room
        </Button>
      </DialogActions>
    </Dialog>
  );
}
