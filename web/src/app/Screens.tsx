/* Whole-page words for the moments when there is nothing else to show. */
import { useEffect, type ReactNode } from 'react';
import { useApp, useCommands } from '@/state/hooks';
import type { StopReason } from '@/state/link';
import { Button } from '@/ui/Button';
import { Mark } from '@/ui/Mark';

const RETRY_MS = 5_000;

export function Splash() {
  return (
    <div className="grid min-h-dvh place-items-center bg-page">
      <div role="status">
        <Mark className="size-14 animate-breathe text-accent" />
        <span className="sr-only">Loading Rookery</span>
      </div>
    </div>
  );
}

function Page({ title, children, actions }: { title: string; children: ReactNode; actions: ReactNode }) {
  return (
    <main className="grid min-h-dvh place-items-center bg-page px-5 py-10">
      <div role="alert" className="max-w-md text-center">
        <Mark className="mx-auto size-14 text-accent" />
        <h1 className="mt-5 text-xl font-bold tracking-tight">{title}</h1>
        <div className="mt-2 text-ink-2">{children}</div>
        <div className="mt-6 flex justify-center gap-3">{actions}</div>
      </div>
    </main>
  );
}

export function Unreachable() {
  const commands = useCommands();
  useEffect(() => {
    const again = () => commands.retrySession();
    const timer = setTimeout(again, RETRY_MS);
    window.addEventListener('online', again);
    return () => {
      clearTimeout(timer);
      window.removeEventListener('online', again);
    };
  }, [commands]);
  return (
    <Page
      title="Rookery cannot be reached"
      actions={
        <Button tone="primary" onClick={() => commands.retrySession()}>
          Try now
        </Button>
      }
    >
      <p>It is tried again every few seconds. Messages that were not sent yet are kept on this device.</p>
    </Page>
  );
}

const STOPS: Record<Exclude<StopReason, 'auth'>, { title: string; text: string; action: string; reload: boolean }> = {
  version: {
    title: 'Rookery has been updated',
    text: 'Reload the page to go on. Your drafts and unsent messages are kept.',
    action: 'Reload',
    reload: true,
  },
  banned: {
    title: 'You may not connect',
    text: 'An administrator has closed this account to you. Ask them if you think that this is a mistake.',
    action: 'Try again',
    reload: false,
  },
  connections: {
    title: 'Too many connections',
    text: 'You have Rookery open in more places than the server allows. Close some of them, then go on here.',
    action: 'Connect here',
    reload: false,
  },
  protocol: {
    title: 'The server did not understand this page',
    text: 'That is a fault of ours. Reloading usually mends it; your drafts and unsent messages are kept.',
    action: 'Reload',
    reload: true,
  },
};

export function Stopped() {
  const reason = useApp((s) => (s.link.state === 'stopped' ? s.link.reason : null));
  const commands = useCommands();
  if (reason === null || reason === 'auth') return null;
  const stop = STOPS[reason];
  return (
    <Page
      title={stop.title}
      actions={
        <Button tone="primary" onClick={() => (stop.reload ? location.reload() : commands.reconnect())}>
          {stop.action}
        </Button>
      }
    >
      <p>{stop.text}</p>
    </Page>
  );
}

export function Broken() {
  return (
    <Page
      title="Something broke on this page"
      actions={
        <Button tone="primary" onClick={() => location.reload()}>
          Reload
        </Button>
      }
    >
      <p>That is a fault of ours, or a part of the page could not be fetched. Your drafts and unsent messages are kept.</p>
    </Page>
  );
}

export function NotFound() {
  return (
    <Page
      title="There is no such page"
      actions={
        <a className="tap inline-flex items-center rounded-md bg-accent px-4 text-sm font-semibold text-on-accent" href="/">
          Go to your rooms
        </a>
      }
    >
      <p>The address may be mistyped, or what was here has gone.</p>
    </Page>
  );
}
