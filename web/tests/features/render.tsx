import { render } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import type { ReactNode } from 'react';
import { MemoryRouter } from 'react-router';
import { vi } from 'vitest';
import type { Commands } from '@/state/commands';
import { setDraft, setEditing } from '@/state/drafts';
import { ClientContext } from '@/state/hooks';
import { applyMessage, createAppStore, type State, type Store } from '@/state/store';
import { T0, welcome } from '../support';

/** A component with a state and with commands that only write down that they were called. */
export function show(node: ReactNode, change: (s: State) => State = (s) => s, over: Partial<Commands> = {}) {
  const store: Store = createAppStore();
  store.setState((s) => change(applyMessage(s, welcome(), T0)));
  const named = {
    setDraft: vi.fn((room: number, text: string) => store.setState((s) => ({ drafts: setDraft(s.drafts, room, text) }))),
    setEditing: vi.fn((editing: State['drafts']['editing']) =>
      store.setState((s) => ({ drafts: setEditing(s.drafts, editing) })),
    ),
    newClientId: vi.fn(() => '01ARZ3NDEKTSV4RRFFQ69G5FAV'),
    ...over,
  };
  const commands = new Proxy(named as unknown as Commands, {
    get: (target, name) => ((target as unknown as Record<string | symbol, unknown>)[name] ??= vi.fn()),
  });
  const view = render(
    <ClientContext value={{ store, commands }}>
      <MemoryRouter>{node}</MemoryRouter>
    </ClientContext>,
  );
  return { ...view, store, commands, user: userEvent.setup() };
}
