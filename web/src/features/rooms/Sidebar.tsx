import { memo } from 'react';
import { NavLink } from 'react-router';
import { useApp } from '@/state/hooks';
import { attentionOf, badge, unreadBadge } from '@/state/rooms';
import { IconButton } from '@/ui/Button';
import { cx } from '@/ui/cx';
import { Icon } from '@/ui/Icon';
import { Wordmark } from '@/ui/Mark';
import { RoomIcon } from './RoomIcon';
import { UserMenu } from './UserMenu';

export interface SidebarProps {
  onCreate: () => void;
  /** A new conversation with some people. */
  onMessage: () => void;
  onSwitch: () => void;
  onHelp: () => void;
  onSettings: () => void;
  onAdmin: () => void;
  /** A place was chosen: a drawer closes. */
  onPick?: () => void;
  /** In a drawer: how to get out of it. */
  onClose?: () => void;
}

const isMac = /Mac|iPhone|iPad/.test(navigator.userAgent);
export const SWITCH_KEYS = isMac ? '⌘K' : 'Ctrl K';
export const SEARCH_KEYS = isMac ? '⇧⌘F' : 'Ctrl Shift F';

export function Sidebar({ onCreate, onMessage, onSwitch, onHelp, onSettings, onAdmin, onPick, onClose }: SidebarProps) {
  const rooms = useApp((s) => s.rooms);
  const isDirect = (id: number) => rooms.byId.get(id)?.visibility === 'direct';
  const places = rooms.order.filter((id) => !isDirect(id));
  const directs = rooms.order.filter(isDirect);
  return (
    <div className="flex h-full min-h-0 flex-col">
      <div className="flex h-14 shrink-0 items-center justify-between pr-2 pl-4">
        <Wordmark />
        {onClose ? <IconButton icon="close" label="Close the room list" onClick={onClose} /> : null}
      </div>
      <div className="px-3 pb-2">
        <button
          type="button"
          onClick={onSwitch}
          className="tap flex w-full items-center gap-2 rounded-md border border-line-strong bg-paper/60 px-2.5 text-sm text-ink-2 hover:bg-paper"
        >
          <Icon name="search" className="size-4.5" />
          <span className="flex-1 text-left">Go to a room</span>
          <kbd className="hidden rounded-sm border border-line-strong px-1.5 font-sans text-2xs text-ink-3 md:inline">{SWITCH_KEYS}</kbd>
        </button>
      </div>
      <div className="flex items-center justify-between pr-2 pl-4">
        <h2 className="text-xs font-bold tracking-wide text-ink-3 uppercase" id="rooms-heading">
          Rooms
        </h2>
        <IconButton icon="plus" label="Create a room" onClick={onCreate} />
      </div>
      <nav aria-labelledby="rooms-heading" className="thin-scroll min-h-0 flex-1 overflow-y-auto py-0.5 pl-2">
        {rooms.known ? (
          <ul className="space-y-px">
            {places.map((id) => (
              <li key={id}>
                <RoomLink id={id} onPick={onPick} />
              </li>
            ))}
          </ul>
        ) : (
          <div aria-hidden="true" className="space-y-2 py-1 pr-3">
            {['w-2/3', 'w-1/2', 'w-3/4'].map((w) => (
              <div key={w} className={cx('ml-2 h-5 animate-breathe rounded-sm bg-page-hover', w)} />
            ))}
          </div>
        )}
        <NavLink
          to="/search"
          {...(onPick ? { onClick: onPick } : {})}
          className={({ isActive }) => cx(LINK, 'mt-1 text-ink-2', isActive ? LINK_ON : LINK_OFF)}
        >
          <Icon name="search" />
          <span>Search messages</span>
        </NavLink>
        <NavLink
          to="/browse"
          {...(onPick ? { onClick: onPick } : {})}
          className={({ isActive }) => cx(LINK, 'text-ink-2', isActive ? LINK_ON : LINK_OFF)}
        >
          <Icon name="compass" />
          <span>Browse public rooms</span>
        </NavLink>
        <NavLink
          to="/people"
          {...(onPick ? { onClick: onPick } : {})}
          className={({ isActive }) => cx(LINK, 'text-ink-2', isActive ? LINK_ON : LINK_OFF)}
        >
          <Icon name="people" />
          <span>People</span>
        </NavLink>
        <div className="mt-3 flex items-center justify-between pr-2 pl-2">
          <h2 className="text-xs font-bold tracking-wide text-ink-3 uppercase" id="directs-heading">
            Direct messages
          </h2>
          <IconButton icon="plus" label="New message" onClick={onMessage} />
        </div>
        <ul aria-labelledby="directs-heading" className="space-y-px">
          {directs.map((id) => (
            <li key={id}>
              <RoomLink id={id} onPick={onPick} />
            </li>
          ))}
        </ul>
      </nav>
      <UserMenu onHelp={onHelp} onSettings={onSettings} onAdmin={onAdmin} />
    </div>
  );
}

/* The room on screen is a tab of the sheet beside it: same paper, open to the right. */
const LINK = 'tap ring-inside flex items-center gap-2 rounded-l-md px-2.5 text-sm transition-colors';
const LINK_ON = 'bg-paper font-semibold text-ink max-md:rounded-md max-md:mr-2';
const LINK_OFF = 'hover:bg-page-hover';

const RoomLink = memo(function RoomLink({ id, onPick }: { id: number; onPick: (() => void) | undefined }) {
  const room = useApp((s) => s.rooms.byId.get(id));
  const drafted = useApp((s) => s.drafts.byRoom.has(id));
  if (!room) return null;
  const attention = attentionOf(room);
  const unread = room.notify === 'all' ? attention : 0;
  return (
    <NavLink
      to={`/r/${id}`}
      {...(onPick ? { onClick: onPick } : {})}
      className={({ isActive }) =>
        cx(LINK, isActive ? LINK_ON : LINK_OFF, !isActive && (attention > 0 ? 'font-bold text-ink' : room.notify === 'nothing' ? 'text-ink-3' : 'text-ink-2'))
      }
    >
      {({ isActive }) => (
        <>
          <RoomIcon visibility={room.visibility} className={cx('size-4.5', isActive ? 'text-accent' : 'text-ink-3')} />
          <bdi className="min-w-0 flex-1 truncate">{room.name}</bdi>
          {room.archived ? <span className="text-2xs text-ink-3">archived</span> : null}
          {drafted && !isActive ? (
            <span title="There is a draft">
              <Icon name="pencil" className="size-4 text-ink-3" />
              <span className="sr-only">, has a draft</span>
            </span>
          ) : null}
          {room.mentions > 0 && room.notify !== 'nothing' && !isActive ? (
            <span className="min-w-6 rounded-full bg-accent px-1.5 text-center text-2xs leading-5 font-bold text-on-accent tabular-nums">
              @{badge(room.mentions)}
              <span className="sr-only"> {room.mentions === 1 ? 'mention' : 'mentions'},</span>
            </span>
          ) : null}
          {unread > 0 && !isActive ? (
            <span
              className={cx(
                'mr-2 min-w-6 rounded-full px-1.5 text-center text-2xs leading-5 font-bold tabular-nums',
                room.visibility === 'direct' ? 'bg-accent text-on-accent' : 'bg-ember text-on-ember',
              )}
            >
              {unreadBadge(room)}
              <span className="sr-only"> unread</span>
            </span>
          ) : null}
        </>
      )}
    </NavLink>
  );
});
