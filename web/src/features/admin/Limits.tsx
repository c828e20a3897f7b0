import { useEffect, useState } from 'react';
import type { Limits } from '@/state/admin';
import { failureOf } from '@/state/commands';
import { useCommands } from '@/state/hooks';
import { Cell, Heading, Table, Trouble } from './Parts';
import { countOf } from './words';

const SOURCES = { default: 'default', file: 'file', environment: 'environment', flag: 'flag' } as const;

const shown = (value: string | number) => (typeof value === 'number' ? countOf(value) : value || '(empty)');

export function LimitsTab() {
  const commands = useCommands();
  const [limits, setLimits] = useState<Limits | null>(null);
  const [error, setError] = useState('');
  const [round, setRound] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    commands.adminLimits(abort.signal).then(
      (answer) => {
        setError('');
        setLimits(answer);
      },
      (e: unknown) => {
        if (!abort.signal.aborted) setError(failureOf(e).detail);
      },
    );
    return () => abort.abort();
  }, [commands, round]);
  return (
    <div className="space-y-10">
      <Trouble error={error} onAgain={() => setRound((n) => n + 1)} />
      {limits === null && !error ? <p role="status">Loading…</p> : null}
      {limits ? (
        <>
          <section>
            <Heading note={`As they are in force at ${limits.edge}. They are changed where the server is started: by flag, environment or file.`}>Options</Heading>
            <Table caption="Options" head={['Option', 'Value', 'Default', 'Bounds', 'Comes from', 'What it is']} numbers={[1, 2]}>
              {limits.options.map((o) => (
                <tr key={o.name}>
                  <th scope="row" className="px-3 py-2 text-left align-top font-mono text-xs font-normal whitespace-nowrap">
                    {o.environment}
                  </th>
                  <Cell number className={o.source === 'default' ? '' : 'font-semibold text-accent'}>
                    {shown(o.value)}
                  </Cell>
                  <Cell number className="text-ink-3">
                    {shown(o.default)}
                  </Cell>
                  <Cell className="whitespace-nowrap text-ink-3">
                    {o.min === undefined || o.max === undefined ? '' : `${countOf(o.min)} to ${countOf(o.max)}`}
                  </Cell>
                  <Cell>{SOURCES[o.source]}</Cell>
                  <Cell className="min-w-64 text-ink-2">{o.help}</Cell>
                </tr>
              ))}
            </Table>
          </section>
          <section>
            <Heading note="The same on every server of this version.">Fixed limits</Heading>
            <Table caption="Fixed limits" head={['Limit', 'Value', 'Unit']} numbers={[1]}>
              {limits.fixed.map((f) => (
                <tr key={f.name}>
                  <th scope="row" className="px-3 py-2 text-left align-top font-normal">
                    {f.help}
                  </th>
                  <Cell number>{countOf(f.value)}</Cell>
                  <Cell className="text-ink-2">{f.unit}</Cell>
                </tr>
              ))}
            </Table>
          </section>
        </>
      ) : null}
    </div>
  );
}
