import { useId, useState } from 'react';
import { useSearchParams } from 'react-router';
import type { AuditRow } from '@/state/admin';
import { useCommands } from '@/state/hooks';
import { Button } from '@/ui/Button';
import { Cell, Nothing, Table, Trouble } from './Parts';
import { usePages } from './usePages';
import { ACTION_NAMES, actionOf, momentOf, nodeOf } from './words';

export function Audit() {
  const commands = useCommands();
  const id = useId();
  const [params, setParams] = useSearchParams();
  const [action, setAction] = useState('');
  const user = Number(params.get('user') ?? 0) || 0;
  const pages = usePages<AuditRow>(`${action} ${user}`, (before, signal) => commands.adminAudit({ action, user }, before, signal));
  const count = pages.rows?.length ?? 0;
  return (
    <>
      <div className="flex flex-wrap items-end gap-3">
        <div className="space-y-1.5">
          <label htmlFor={id} className="block text-sm font-semibold">
            What happened
          </label>
          <select
            id={id}
            value={action}
            onChange={(e) => setAction(e.target.value)}
            className="block h-11 max-w-full rounded-md border border-field-line bg-raised px-3 text-base text-ink"
          >
            <option value="">Everything</option>
            {ACTION_NAMES.map((name) => (
              <option key={name} value={name}>
                {name.replaceAll('_', ' ')}
              </option>
            ))}
          </select>
        </div>
        {user ? (
          <Button icon="close" onClick={() => setParams({})}>
            {`Only ${params.get('name') ?? `user ${user}`}`}
          </Button>
        ) : null}
        <Button onClick={pages.again}>Look again</Button>
      </div>
      <p role="status" className="mt-3 min-h-5 text-sm text-ink-3">
        {pages.rows === null ? (pages.error ? '' : 'Loading…') : ''}
      </p>
      <Trouble error={pages.error} onAgain={pages.again} />
      {pages.rows !== null && count === 0 ? <Nothing>There is nothing of that kind in the log.</Nothing> : null}
      {count > 0 ? (
        <Table caption="Audit log, newest first" head={['When', 'Who', 'What', 'To whom', 'Detail']}>
          {pages.rows?.map((row) => (
            <tr key={row.id}>
              <Cell className="whitespace-nowrap text-ink-2">
                <time dateTime={new Date(row.atMs).toISOString()}>{momentOf(row.atMs)}</time>
              </Cell>
              <Cell>
                <Who id={row.actor} name={row.actorName} />
              </Cell>
              <Cell>{actionOf(row.action)}</Cell>
              <Cell>{row.subject === row.actor ? '' : <Who id={row.subject} name={row.subjectName} />}</Cell>
              <Cell className="text-ink-2 wrap-anywhere">{row.detail}</Cell>
            </tr>
          ))}
        </Table>
      ) : null}
      {pages.more ? (
        <div className="pt-4 text-center">
          <Button busy={pages.loadingMore} onClick={() => void pages.loadMore()}>
            Show older rows
          </Button>
        </div>
      ) : null}
    </>
  );
}

function Who({ id, name }: { id: number; name: string }) {
  if (id === 0) return <span className="text-ink-3">the server</span>;
  if (name) return <bdi className="font-semibold">{name}</bdi>;
  return <span className="text-ink-3 tabular-nums">{nodeOf(id) ?? id}</span>;
}
