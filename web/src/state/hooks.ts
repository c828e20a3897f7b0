/* How components see the state and reach the commands. */
import { createContext, useContext, useMemo } from 'react';
import { useStore } from 'zustand';
import type { Commands } from './commands';
import { namesOf, type Names } from './mentions';
import type { Me } from './session';
import type { State, Store } from './store';

export interface Client {
  store: Store;
  commands: Commands;
}

export const ClientContext = createContext<Client | null>(null);

function useClient(): Client {
  const client = useContext(ClientContext);
  if (!client) throw new Error('outside of ClientContext');
  return client;
}

export function useApp<T>(select: (state: State) => T): T {
  return useStore(useClient().store, select);
}

export function useCommands(): Commands {
  return useClient().commands;
}

/** For moments, not for drawing: what the state is just now. */
export function useReadState(): () => State {
  return useClient().store.getState;
}

/** `name` is what one signs in with; how one is shown is `useName` of the id. */
export function useMe(): Me | null {
  return useApp((s) => (s.session.status === 'in' ? s.session.me : null));
}

/** A person's name, or something that stands for it until it is known. */
export function useName(id: number): string {
  return useApp((s) => s.users.get(id)?.name ?? 'Someone');
}

/** Everybody this page knows of, by name. */
export function useNames(): Names {
  const users = useApp((s) => s.users);
  return useMemo(() => namesOf(users), [users]);
}
