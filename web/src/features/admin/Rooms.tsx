import { useState } from 'react';
import { useNavigate } from 'react-router';
import type { AdminRoom } from '@/state/admin';
import { useCommands } from '@/state/hooks';
import { RoomIcon } from '@/features/rooms/RoomIcon';
import { Button } from '@/ui/Button';
import { Field } from '@/ui/Field';
import { Badge, Nothing, Trouble } from './Parts';
import { Confirm } from './UserDialog';
import { usePages } from './usePages';
import { agoOf, dayOf, plural } from './words';

/** What rooms there are; never what is said in them. */
export function Rooms() {
  const commands = useCommands();
  const [query, setQuery] = useState('');
  const [now] = useState(() => Date.now());
  const [taking, setTaking] = useState<AdminRoom | null>(null);
  const [archiving, setArchiving] = useState<AdminRoom | null>(null);
  const navigate = useNavigate();
  const wanted = query.trim();
  const pages = usePages<AdminRoom>(wanted, async (after, signal) => {
    const { rooms, more } = await commands.adminRooms(wanted, after, signal);
    return { rows: rooms, more };
  });
  const count = pages.rows?.length ?? 0;
  return (
    <>
      <Field
        label="Search by name"
        hint="All rooms, private ones too: what they are, not what is said in them."
        type="search"
        value={query}
        autoComplete="off"
        onChange={(e) => setQuery(e.target.value)}
      />
      <p role="status" className="mt-3 min-h-5 text-sm text-ink-3">
        {pages.rows === null ? (pages.error ? '' : 'Loading…') : count ? `${plural(count, 'room', 'rooms')}${pages.more ? ' so far' : ''}` : ''}
      </p>
      <Trouble error={pages.error} onAgain={pages.again} />
      {pages.rows !== null && count === 0 ? <Nothing>{wanted ? `No room has “${wanted}” in its name.` : 'There are no rooms yet.'}</Nothing> : null}
      <ul className="divide-y divide-line">
        {pages.rows?.map((room) => (
          <li key={room.id} className="flex flex-wrap items-center gap-3 py-3">
            <div className="min-w-0 flex-1 basis-60">
              <p className="flex flex-wrap items-center gap-x-2 gap-y-1 font-semibold">
                <RoomIcon visibility={room.visibility} className="size-4.5 text-ink-3" />
                {room.visibility === 'direct' ? (
                  <span className="text-ink-2">{`Direct conversation ${room.id}`}</span>
                ) : (
                  <bdi className="min-w-0 truncate">{room.name}</bdi>
                )}
                {room.visibility === 'private' ? <Badge>private</Badge> : null}
                {room.archived ? <Badge>archived</Badge> : null}
                {room.visibility !== 'direct' && room.owner === null ? <Badge tone="danger">nobody owns it</Badge> : null}
              </p>
              <p className="mt-0.5 text-xs text-ink-3">
                {[
                  plural(room.members, 'member', 'members'),
                  plural(room.messages, 'message', 'messages'),
                  room.lastAtMs ? `last event ${agoOf(room.lastAtMs, now)}` : '',
                  `since ${dayOf(room.createdAtMs)}`,
                ]
                  .filter(Boolean)
                  .join(' · ')}
                {room.owner ? (
                  <>
                    {' · owned by '}
                    <bdi>{room.owner.name}</bdi>
                  </>
                ) : null}
              </p>
            </div>
            {room.visibility !== 'direct' && room.members === 0 && !room.archived ? (
              <Button aria-label={`Become the owner of ${room.name}`} onClick={() => setTaking(room)}>
                Become the owner
              </Button>
            ) : null}
            {room.visibility !== 'direct' ? (
              <Button aria-label={`${room.archived ? 'Open again' : 'Archive'}: ${room.name}`} onClick={() => setArchiving(room)}>
                {room.archived ? 'Open again' : 'Archive'}
              </Button>
            ) : null}
          </li>
        ))}
      </ul>
      {pages.more ? (
        <div className="pt-4 text-center">
          <Button busy={pages.loadingMore} onClick={() => void pages.loadMore()}>
            Show more rooms
          </Button>
        </div>
      ) : null}
      {archiving ? (
        <Confirm
          deed={{
            ask: archiving.archived ? `Open ${archiving.name} again?` : `Archive ${archiving.name}?`,
            text: archiving.archived
              ? 'Its members can write in it again. They see that you opened it.'
              : 'It can still be read, and nothing more is said in it. Its members see that you archived it. You can open it again.',
            action: archiving.archived ? 'Open again' : 'Archive',
            danger: !archiving.archived,
            run: () => commands.archiveRoom(archiving.id, !archiving.archived),
          }}
          onBack={() => setArchiving(null)}
          onClose={() => setArchiving(null)}
          onDone={() => {
            setArchiving(null);
            pages.again();
          }}
        />
      ) : null}
      {taking ? (
        <Confirm
          deed={{
            ask: `Become the owner of ${taking.name}?`,
            text: 'Everybody has left this room, so nobody can look after it. You own it when you enter it, and can then hand it on. What newcomers may read of it, you may read.',
            action: 'Become the owner',
            danger: false,
            run: () => commands.joinRoom(taking.id),
          }}
          onBack={() => setTaking(null)}
          onClose={() => setTaking(null)}
          onDone={() => void navigate(`/r/${taking.id}`)}
        />
      ) : null}
    </>
  );
}
