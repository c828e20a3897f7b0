import { lazy, Suspense } from 'react';
import { NavLink } from 'react-router';
import { useMe } from '@/state/hooks';
import { cx } from '@/ui/cx';
import { Audit } from './Audit';
import { Invites } from './Invites';
import { LimitsTab } from './Limits';
import { Live } from './Live';
import { Rooms } from './Rooms';
import { Users } from './Users';

const System = lazy(() => import('./System').then((m) => ({ default: m.System })));

const TABS = [
  { name: 'users', label: 'Users', show: () => <Users /> },
  { name: 'invites', label: 'Sign-up', show: () => <Invites /> },
  { name: 'rooms', label: 'Rooms', show: () => <Rooms /> },
  { name: 'live', label: 'Live', show: () => <Live /> },
  { name: 'system', label: 'System', show: () => <System /> },
  { name: 'limits', label: 'Limits', show: () => <LimitsTab /> },
  { name: 'audit', label: 'Audit log', show: () => <Audit /> },
] as const;

/** Each tab is an address of its own, so that it can be kept, shared and gone back to. */
export function AdminPage({ tab }: { tab: string }) {
  const me = useMe();
  const open = TABS.find((t) => t.name === tab) ?? TABS[0];
  if (!me?.admin)
    return (
      <p role="alert" className="m-6 text-ink-2">
        This page is for administrators.
      </p>
    );
  return (
    <>
      <nav aria-label="Administration" className="thin-scroll shrink-0 overflow-x-auto border-b border-line">
        <ul className="flex px-2 sm:px-4">
          {TABS.map((t) => (
            <li key={t.name} className="shrink-0">
              <NavLink
                to={`/admin/${t.name}`}
                aria-current={t.name === open.name ? 'page' : undefined}
                className={cx(
                  'tap ring-inside inline-flex items-center border-b-2 px-3 text-sm font-semibold',
                  t.name === open.name ? 'border-accent text-accent' : 'border-transparent text-ink-2 hover:text-ink',
                )}
              >
                {t.label}
              </NavLink>
            </li>
          ))}
        </ul>
      </nav>
      <div className="thin-scroll min-h-0 flex-1 overflow-y-auto">
        <div className="mx-auto max-w-5xl px-4 py-5 pb-[max(1.25rem,env(safe-area-inset-bottom))] sm:px-8">
          <Suspense fallback={<p role="status">Loading…</p>}>{open.show()}</Suspense>
        </div>
      </div>
    </>
  );
}
