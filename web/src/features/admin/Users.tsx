import { useState } from 'react';
import type { AdminUser } from '@/state/admin';
import { useCommands, useMe } from '@/state/hooks';
import { Button } from '@/ui/Button';
import { Egg } from '@/ui/Egg';
import { Field } from '@/ui/Field';
import { Badge, Nothing, Trouble } from './Parts';
import { UserDialog } from './UserDialog';
import { usePages } from './usePages';
import { agoOf, dayOf, plural } from './words';

export function Users() {
  const commands = useCommands();
  const me = useMe();
  const [query, setQuery] = useState('');
  const [open, setOpen] = useState<AdminUser | null>(null);
  const [now] = useState(() => Date.now());
  const wanted = query.trim();
  const pages = usePages<AdminUser>(wanted, async (after, signal) => {
    const { users, more } = await commands.adminUsers(wanted, after, signal);
    return { rows: users, more };
  });
  const count = pages.rows?.length ?? 0;

  return (
    <>
      <Field label="Search by sign-in name" type="search" value={query} autoComplete="off" onChange={(e) => setQuery(e.target.value)} />
      <p role="status" className="mt-3 min-h-5 text-sm text-ink-3">
        {pages.rows === null ? (pages.error ? '' : 'Loading…') : count ? `${plural(count, 'person', 'people')}${pages.more ? ' so far' : ''}` : ''}
      </p>
      <Trouble error={pages.error} onAgain={pages.again} />
      {pages.rows !== null && count === 0 ? <Nothing>{`Nobody's sign-in name has “${wanted}” in it.`}</Nothing> : null}
      <ul className="divide-y divide-line">
        {pages.rows?.map((user) => (
          <li key={user.id} className="flex items-center gap-3 py-3">
            <Egg seed={user.id} name={user.name} className="size-9 shrink-0" />
            <div className="min-w-0 flex-1">
              <p className="flex flex-wrap items-center gap-x-2 gap-y-1">
                <bdi className="min-w-0 truncate font-semibold">{user.name}</bdi>
                {user.id === me?.id ? <Badge>you</Badge> : null}
                {user.admin ? <Badge tone="accent">administrator</Badge> : null}
                {user.disabled ? <Badge tone="danger">disabled</Badge> : null}
              </p>
              <p className="mt-0.5 text-xs text-ink-3">
                {`Since ${dayOf(user.createdAtMs)} · `}
                {user.usedAtMs === 0 ? 'never signed in' : `last seen ${agoOf(user.usedAtMs, now)}`}
                {user.signIns > 0 ? ` · ${plural(user.signIns, 'sign-in', 'sign-ins')}` : ''}
              </p>
            </div>
            <Button onClick={() => setOpen(user)} aria-label={`Manage ${user.name}`}>
              Manage
            </Button>
          </li>
        ))}
      </ul>
      {pages.more ? (
        <div className="pt-4 text-center">
          <Button busy={pages.loadingMore} onClick={() => void pages.loadMore()}>
            Show more people
          </Button>
        </div>
      ) : null}
      {open ? (
        <UserDialog
          user={open}
          isMe={open.id === me?.id}
          onClose={() => setOpen(null)}
          onChanged={(changed) => {
            setOpen(changed);
            pages.again();
          }}
        />
      ) : null}
    </>
  );
}
