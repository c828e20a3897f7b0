/* The signed-in page: rooms at the side, one sheet of paper beside them, and the keys that work everywhere. */
import { Suspense, useEffect, useState } from 'react';
import { Navigate, Route, Routes, useLocation, useNavigate, useParams } from 'react-router';
import { ConnectionBar } from '@/features/presence/ConnectionBar';
import { EmptyState } from '@/features/rooms/EmptyState';
import { Sidebar } from '@/features/rooms/Sidebar';
import { useApp, useCommands, useMe, useReadState } from '@/state/hooks';
import { attentionOf, attentionTotal, badge } from '@/state/rooms';
import { IconButton } from '@/ui/Button';
import { Drawer } from '@/ui/Drawer';
import { COMPOSER_ID } from '@/features/composer/Composer';
import { lastRoom } from './lastRoom';
import { part } from './part';
import { RoomPage } from './RoomPage';
import { NotFound } from './Screens';
import { useMedia } from './useMedia';

const BrowsePage = part(() => import('@/features/rooms/BrowsePage').then((m) => m.BrowsePage));
const SettingsPage = part(() => import('@/features/settings/SettingsPage').then((m) => m.SettingsPage));
const CreateRoomDialog = part(() => import('@/features/rooms/CreateRoomDialog').then((m) => m.CreateRoomDialog));
const NewMessageDialog = part(() => import('@/features/rooms/NewMessageDialog').then((m) => m.NewMessageDialog));
const Switcher = part(() => import('@/features/rooms/Switcher').then((m) => m.Switcher));
const AdminPage = part(() => import('@/features/admin/AdminPage').then((m) => m.AdminPage));
const PeoplePage = part(() => import('@/features/people/PeoplePage').then((m) => m.PeoplePage));
const ProfileCard = part(() => import('@/features/people/ProfileCard').then((m) => m.ProfileCard));
const SearchPage = part(() => import('@/features/search/SearchPage').then((m) => m.SearchPage));
const HelpDialog = part(() => import('./HelpDialog').then((m) => m.HelpDialog));

type Open = 'create' | 'message' | 'switch' | 'help' | null;

const NOTE_MS = 8_000;

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

export function Shell() {
  const navigate = useNavigate();
  const location = useLocation();
  const read = useReadState();
  const wide = useMedia('(min-width: 48rem)');
  const [open, setOpen] = useState<Open>(null);
  // The drawer is a step in the history, so that the phone's back gesture closes it.
  const drawer = !wide && (location.state as { drawer?: boolean } | null)?.drawer === true;
  const openDrawer = () => void navigate(location.pathname, { state: { drawer: true } });
  const closeDrawer = () => void navigate(-1);

  useTitle();
  useGoTo();

  useEffect(() => {
    function step(by: number, unreadOnly: boolean): void {
      const { rooms } = read();
      const order = rooms.order.filter((id) => {
        const room = rooms.byId.get(id);
        return !unreadOnly || (room && attentionOf(room) > 0);
      });
      if (order.length === 0) return;
      const all = rooms.order;
      const here = all.indexOf(Number(/^\/r\/(\d+)/.exec(window.location.pathname)?.[1] ?? -1));
      // The nearest of the wanted ones in that direction, round the end.
      for (let i = 1; i <= all.length; i++) {
        const id = all[(((here < 0 && by < 0 ? 0 : here) + by * i) % all.length + all.length) % all.length];
        if (id !== undefined && order.includes(id)) {
          void navigate(`/r/${id}`);
          return;
        }
      }
    }
    function onKey(e: KeyboardEvent): void {
      if (e.defaultPrevented || e.isComposing) return;
      if ((e.ctrlKey || e.metaKey) && !e.altKey && !e.shiftKey && e.key.toLowerCase() === 'k') {
        e.preventDefault();
        setOpen((now) => (now === 'switch' ? null : 'switch'));
        return;
      }
      if (document.querySelector('dialog[open]')) return;
      if ((e.ctrlKey || e.metaKey) && !e.altKey && e.shiftKey && e.key.toLowerCase() === 'f') {
        e.preventDefault();
        void navigate('/search');
        return;
      }
      if (e.altKey && !e.ctrlKey && !e.metaKey && (e.key === 'ArrowUp' || e.key === 'ArrowDown')) {
        e.preventDefault();
        step(e.key === 'ArrowUp' ? -1 : 1, e.shiftKey);
      } else if (e.key === '?' && !e.ctrlKey && !e.metaKey && !isTyping(e.target)) {
        e.preventDefault();
        setOpen('help');
      }
    }
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [navigate, read]);

  const side = {
    onCreate: () => setOpen('create'),
    onMessage: () => setOpen('message'),
    onSwitch: () => setOpen('switch'),
    onHelp: () => setOpen('help'),
    onSettings: () => void navigate('/settings', { replace: drawer }),
    onAdmin: () => void navigate('/admin', { replace: drawer }),
  };
  const menu = wide ? null : <DrawerButton onClick={openDrawer} />;
  const close = () => setOpen(null);
  const card = useApp((s) => s.card);

  return (
    <div className="flex h-dvh overflow-hidden bg-page pt-[env(safe-area-inset-top)] pad-safe">
      <a
        href={`#${COMPOSER_ID}`}
        className="absolute top-2 left-2 z-50 -translate-y-20 rounded-md bg-accent px-4 py-2.5 text-sm font-semibold text-on-accent focus:translate-y-0"
        onClick={(e) => {
          e.preventDefault();
          (document.getElementById(COMPOSER_ID) ?? document.getElementById('main'))?.focus();
        }}
      >
        Skip to the message field
      </a>
      {wide ? (
        <aside aria-label="Rooms and account" className="w-66 shrink-0">
          <Sidebar {...side} />
        </aside>
      ) : null}
      {drawer ? (
        <Drawer side="left" label="Rooms and account" onClose={closeDrawer}>
          <Sidebar
            {...side}
            onClose={closeDrawer}
            onPick={() => undefined /* the link itself leaves the history entry of the drawer */}
          />
        </Drawer>
      ) : null}
      <main
        id="main"
        tabIndex={-1}
        className="flex min-h-0 min-w-0 flex-1 flex-col bg-paper outline-none md:my-2 md:mr-2 md:rounded-xl md:shadow-sheet"
      >
        <Suspense fallback={<div aria-busy="true" className="flex-1" />}>
          <Routes>
            <Route index element={<Home menu={menu} onCreate={side.onCreate} />} />
            <Route path="r/:id" element={<RoomPage menu={menu} />} />
            {/* The address of a single line, as people pass it on. */}
            <Route path="rooms/:id/:line" element={<RoomPage menu={menu} />} />
            <Route
              path="browse"
              element={
                <>
                  <header className="flex h-14 shrink-0 items-center gap-2 border-b border-line px-2 sm:px-4 md:px-6">
                    {menu}
                    <div className="min-w-0">
                      <h1 className="truncate leading-6 font-bold tracking-tight">Public rooms</h1>
                      <p className="truncate text-xs leading-4 text-ink-3">Anybody can join these, and leave again.</p>
                    </div>
                  </header>
                  <ConnectionBar />
                  <BrowsePage onCreate={side.onCreate} />
                </>
              }
            />
            <Route path="search" element={<SearchPage menu={menu} />} />
            <Route
              path="people"
              element={
                <>
                  <PageHead menu={menu} title="People" />
                  <PeoplePage />
                </>
              }
            />
            <Route
              path="settings"
              element={
                <>
                  <PageHead menu={menu} title="Settings" />
                  <SettingsPage />
                </>
              }
            />
            <Route path="admin/:tab?" element={<Administration menu={menu} />} />
            <Route path="*" element={<NotFound />} />
          </Routes>
        </Suspense>
      </main>
      <Suspense fallback={null}>
        {open === 'create' ? (
          <CreateRoomDialog
            onClose={close}
            onCreated={(room) => {
              close();
              void navigate(`/r/${room}`);
            }}
          />
        ) : null}
        {open === 'message' ? (
          <NewMessageDialog
            onClose={close}
            onOpened={(room) => {
              close();
              void navigate(`/r/${room}`);
            }}
          />
        ) : null}
        {open === 'switch' ? (
          <Switcher
            onClose={close}
            onPick={(room) => {
              close();
              void navigate(`/r/${room}`);
            }}
          />
        ) : null}
        {card === null ? null : (
          <ProfileCard
            key={card}
            id={card}
            onSettings={() => void navigate('/settings')}
            onMessage={(room) => void navigate(`/r/${room}`)}
          />
        )}
        {open === 'help' ? <HelpDialog onClose={close} /> : null}
      </Suspense>
      <Note />
    </div>
  );
}

function Administration({ menu }: { menu: React.ReactNode }) {
  const { tab } = useParams();
  return (
    <>
      <header className="flex h-14 shrink-0 items-center gap-2 px-2 sm:px-4 md:px-6">
        {menu}
        <h1 className="truncate leading-6 font-bold tracking-tight">Administration</h1>
      </header>
      <ConnectionBar />
      <AdminPage tab={tab ?? ''} />
    </>
  );
}

function PageHead({ menu, title }: { menu: React.ReactNode; title: string }) {
  return (
    <>
      <header className="flex h-14 shrink-0 items-center gap-2 border-b border-line px-2 sm:px-4 md:px-6">
        {menu}
        <h1 className="truncate leading-6 font-bold tracking-tight">{title}</h1>
      </header>
      <ConnectionBar />
    </>
  );
}

function DrawerButton({ onClick }: { onClick: () => void }) {
  const unread = useApp((s) => {
    const open = s.active;
    return [...s.rooms.byId.values()].some((r) => r.id !== open && attentionOf(r) > 0);
  });
  return (
    <span className="relative">
      <IconButton icon="menu" label={unread ? 'Open the room list; there are unread messages' : 'Open the room list'} onClick={onClick} />
      {unread ? <span aria-hidden="true" className="absolute top-2 right-2 size-2.5 rounded-full border-2 border-paper bg-ember" /> : null}
    </span>
  );
}

function Home({ menu, onCreate }: { menu: React.ReactNode; onCreate: () => void }) {
  const rooms = useApp((s) => s.rooms);
  const me = useMe()?.id ?? 0;
  if (!rooms.known) return <ConnectionBar />;
  const last = lastRoom(me);
  const to = rooms.byId.has(last) ? last : rooms.order[0];
  if (to !== undefined) return <Navigate to={`/r/${to}`} replace />;
  return (
    <>
      <header className="flex h-14 shrink-0 items-center px-2 md:hidden">{menu}</header>
      <ConnectionBar />
      <EmptyState onCreate={onCreate} />
    </>
  );
}

function Note() {
  const note = useApp((s) => s.note);
  const commands = useCommands();
  useEffect(() => {
    if (!note) return;
    const timer = setTimeout(() => commands.dismissNote(), NOTE_MS);
    return () => clearTimeout(timer);
  }, [note, commands]);
  return (
    <div role="status" className="pointer-events-none fixed inset-x-0 top-[max(0.75rem,env(safe-area-inset-top))] z-40 flex justify-center px-4">
      {note ? (
        <div className="pointer-events-auto flex max-w-md animate-rise items-center gap-2 rounded-lg bg-ink py-1 pr-1 pl-4 text-sm text-paper shadow-lift">
          <p className="min-w-0 wrap-anywhere">{note.text}</p>
          <IconButton icon="close" label="Dismiss" className="text-paper! hover:bg-transparent" onClick={() => commands.dismissNote()} />
        </div>
      ) : null}
    </div>
  );
}

/** A notification was clicked: to its room and line. */
function useGoTo(): void {
  const path = useApp((s) => s.goTo);
  const commands = useCommands();
  const navigate = useNavigate();
  useEffect(() => {
    if (path === null) return;
    commands.wentThere();
    void navigate(path);
  }, [path, commands, navigate]);
}

function useTitle(): void {
  const unread = useApp((s) => attentionTotal(s.rooms));
  const name = useApp((s) => (s.active === null ? '' : (s.rooms.byId.get(s.active)?.name ?? '')));
  const server = useApp((s) => s.server?.name ?? 'Rookery');
  useEffect(() => {
    // A dot on the tab's picture: seen where its title is not.
    document.querySelector<HTMLLinkElement>('link[rel=icon]')?.setAttribute('href', unread > 0 ? '/icon-dot.svg' : '/icon.svg');
    document.title = `${unread > 0 ? `(${badge(unread)}) ` : ''}${name ? `${name} · ` : ''}${server}`;
  }, [unread, name, server]);
}
