/* What stands in the composer of each room, and which line of the own ones is being changed. */
export interface Drafts {
  byRoom: ReadonlyMap<number, string>;
  editing: { room: number; seq: number } | null;
  /** The line that the next one answers. */
  replying: { room: number; seq: number } | null;
}

export const initialDrafts: Drafts = { byRoom: new Map(), editing: null, replying: null };

export function setDraft(d: Drafts, room: number, text: string): Drafts {
  if ((d.byRoom.get(room) ?? '') === text) return d;
  const byRoom = new Map(d.byRoom);
  if (text === '') byRoom.delete(room);
  else byRoom.set(room, text);
  return { ...d, byRoom };
}

export function setEditing(d: Drafts, editing: Drafts['editing']): Drafts {
  return d.editing === editing ? d : { ...d, editing };
}

export function setReplying(d: Drafts, replying: Drafts['replying']): Drafts {
  return d.replying === replying ? d : { ...d, replying };
}
