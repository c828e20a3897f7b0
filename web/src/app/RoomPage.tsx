import { useEffect, useState, type ReactNode } from 'react';
import { useNavigate, useParams } from 'react-router';
import { Composer, COMPOSER_ID } from '@/features/composer/Composer';
import { ConnectionBar } from '@/features/presence/ConnectionBar';
import { TypingLine } from '@/features/presence/TypingLine';
import { Members } from '@/features/rooms/Members';
import { PinsPanel } from '@/features/rooms/PinsPanel';
import { RoomHeader } from '@/features/rooms/RoomHeader';
import { Conversation } from '@/features/timeline/Conversation';
import { Quote } from '@/features/timeline/Quote';
import { failureOf, type RoomCard } from '@/state/commands';
import { useApp, useCommands, useMe } from '@/state/hooks';
import { Button } from '@/ui/Button';
import { cx } from '@/ui/cx';
import { Drawer } from '@/ui/Drawer';
import { LinesSkeleton } from '@/ui/Skeleton';
import { rememberRoom } from './lastRoom';
import { useMedia } from './useMedia';

export function RoomPage({ menu }: { menu: ReactNode }) {
  const { id, line } = useParams();
  const room = Number(id);
  const seq = Number.isSafeInteger(Number(line)) ? Math.max(0, Number(line)) : 0;
  return Number.isSafeInteger(room) && room > 0 ? <Room key={room} id={room} line={seq} menu={menu} /> : <NoRoom menu={menu} text="There is no such room." />;
}

function Room({ id, line, menu }: { id: number; line: number; menu: ReactNode }) {
  const room = useApp((s) => s.rooms.byId.get(id));
  const known = useApp((s) => s.rooms.known);
  const me = useMe()?.id ?? 0;
  const commands = useCommands();
  const navigate = useNavigate();
  const wide = useMedia('(min-width: 64rem)');
  const fine = useMedia('(pointer: fine)');
  const replying = useApp((s) => (s.drafts.replying?.room === id ? s.drafts.replying.seq : 0));
  const [side, setSide] = useState<'members' | 'pins' | null>(null);
  // The line to show, and how often one was asked for: the same one may be wanted again.
  const [jump, setJump] = useState({ seq: 0, times: 0 });
  const member = room !== undefined;

  useEffect(() => {
    if (!member) return;
    commands.openRoom(id);
    rememberRoom(me, id);
    return () => commands.openRoom(null);
  }, [commands, id, me, member]);

  // Where there is a keyboard one can type at once; on a phone that would pull up the soft one.
  useEffect(() => {
    if (member && fine && document.querySelector('dialog[open]') === null) document.getElementById(COMPOSER_ID)?.focus();
  }, [member, fine]);

  const close = () => setSide(null);
  const panel =
    side === 'members' ? (
      <Members room={id} onClose={close} />
    ) : side === 'pins' ? (
      <PinsPanel
        room={id}
        onClose={close}
        onJump={(seq) => {
          setJump((now) => ({ seq, times: now.times + 1 }));
          if (!wide) close();
        }}
      />
    ) : null;

  if (!room) return known ? <Stranger id={id} menu={menu} /> : <Loading menu={menu} />;
  return (
    <div className="flex min-h-0 flex-1">
      <div className="flex min-h-0 min-w-0 flex-1 flex-col">
        <RoomHeader
          room={room}
          before={menu}
          membersShown={side === 'members'}
          onMembers={() => setSide(side === 'members' ? null : 'members')}
          pinsShown={side === 'pins'}
          onPins={() => setSide(side === 'pins' ? null : 'pins')}
          onLeft={() => void navigate('/', { replace: true })}
        />
        <ConnectionBar />
        <Conversation room={id} line={jump.seq || line} asking={jump.times} />
        {room.archived ? (
          <p className="mx-3 mb-3 rounded-lg bg-page px-4 py-3 text-center text-sm text-ink-2 sm:mx-5">
            This room is archived. It can be read, and nothing more is said in it.
          </p>
        ) : (
          <>
            <TypingLine room={id} />
            <Composer room={id} name={room.name} quote={replying ? <Quote room={id} seq={replying} onJump={null} /> : null} />
          </>
        )}
      </div>
      {panel && wide ? <aside className={cx('shrink-0 border-l border-line', side === 'pins' ? 'w-80' : 'w-64')}>{panel}</aside> : null}
      {panel && !wide ? (
        <Drawer side="right" label={side === 'pins' ? 'Pinned messages' : 'Members'} onClose={close}>
          {panel}
        </Drawer>
      ) : null}
    </div>
  );
}

function Loading({ menu }: { menu: ReactNode }) {
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <header className="flex h-14 shrink-0 items-center gap-2 border-b border-line px-2 sm:px-4">
        {menu}
        <h1 className="sr-only">Loading</h1>
        <div aria-hidden="true" className="h-4 w-40 animate-breathe rounded-sm bg-page" />
      </header>
      <ConnectionBar />
      <div aria-busy="true" className="min-h-0 flex-1 overflow-hidden">
        <LinesSkeleton count={7} />
      </div>
    </div>
  );
}

/** A room of which this user is no member: what it is, and the way in if there is one. */
function Stranger({ id, menu }: { id: number; menu: ReactNode }) {
  const commands = useCommands();
  const [card, setCard] = useState<RoomCard | null>(null);
  const [error, setError] = useState('');
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    let alive = true;
    commands.roomCard(id).then(
      (found) => alive && setCard(found),
      (e: unknown) => alive && setError(failureOf(e).detail),
    );
    return () => {
      alive = false;
    };
  }, [commands, id]);

  if (!card) return error ? <NoRoom menu={menu} text={error} /> : <Loading menu={menu} />;
  return (
    <Blank menu={menu} title={card.name}>
      {card.topic ? <p className="mt-2 max-w-prose text-ink-2 wrap-anywhere">{card.topic}</p> : null}
      <p className="mt-2 text-sm text-ink-3">
        {card.members} {card.members === 1 ? 'member' : 'members'}. You are not one of them yet.
      </p>
      {card.archived ? (
        <p className="mt-4 text-ink-2">This room is archived: nobody can join it.</p>
      ) : (
        <Button
          tone="primary"
          className="mt-5"
          busy={busy}
          onClick={() => {
            setBusy(true);
            setError('');
            commands.joinRoom(id).catch((e: unknown) => {
              setBusy(false);
              setError(failureOf(e).detail);
            });
          }}
        >
          Join this room
        </Button>
      )}
      <p role="alert" className="mt-3 text-sm text-danger empty:hidden">
        {error}
      </p>
    </Blank>
  );
}

function NoRoom({ menu, text }: { menu: ReactNode; text: string }) {
  const navigate = useNavigate();
  return (
    <Blank menu={menu} title="Not here">
      <p className="mt-2 text-ink-2">{text}</p>
      <Button className="mt-5" onClick={() => void navigate('/browse')}>
        Browse public rooms
      </Button>
    </Blank>
  );
}

function Blank({ menu, title, children }: { menu: ReactNode; title: string; children: ReactNode }) {
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <header className="flex h-14 shrink-0 items-center px-2 md:hidden">{menu}</header>
      <ConnectionBar />
      <div className="flex flex-1 flex-col items-center justify-center px-6 py-10 text-center">
        <h1 className="text-xl font-bold tracking-tight wrap-anywhere">
          <bdi>{title}</bdi>
        </h1>
        {children}
      </div>
    </div>
  );
}
