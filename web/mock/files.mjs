/* Files of rooms in the stand-in server: uploaded, kept for a line, shown by it, gone with it. */
export function createFiles({ id, ok, problem }) {
  const files = new Map(); // id → { id, room, user, client_id, name, mime, bytes, line }; line: client id of who shows it

  function sizeOf(bytes) {
    const isPng = bytes.length > 24 && bytes.readUInt32BE(0) === 0x89504e47;
    return isPng ? { mime: 'image/png', width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) } : { mime: 'application/octet-stream', width: 0, height: 0 };
  }
  const infoOf = ({ id: file, name, mime, width, height, bytes }) => ({ file, name, mime, bytes: bytes.length, width, height });

  return {
    files,
    /** Of a member; name of an error, or the answer. */
    upload(room, me, query, bytes) {
      if (!room.members.has(me.id)) return problem('not_member');
      const known = [...files.values()].find((f) => f.room === room.id && f.user === me.id && f.client_id === query.get('client_id'));
      if (known) return ok({ type: 'file_stored', ...infoOf(known) }, 200);
      const file = { id: id() * 3571, room: room.id, user: me.id, client_id: query.get('client_id'), name: query.get('name'), bytes, line: null, ...sizeOf(bytes) };
      files.set(file.id, file);
      return ok({ type: 'file_stored', ...infoOf(file) }, 201);
    },
    download(room, me, which) {
      const file = files.get(which);
      if (file?.room !== room.id || !room.members.has(me.id) || (file.line === null && file.user !== me.id)) return problem('no_file');
      return { status: 200, type: file.mime, raw: file.bytes };
    },
    drop(room, me, which) {
      const file = files.get(which);
      if (file?.room !== room.id || file.user !== me.id || file.line !== null) return problem('no_file');
      files.delete(which);
      return { status: 204 };
    },
    /** What a line says of them, in the order of its body; throws no_file. */
    claim(room, user, clientId, wanted) {
      const found = wanted.map((one) => files.get(one.id));
      if (found.some((f) => f?.room !== room.id || f.user !== user.id || (f.line !== null && f.line !== clientId))) throw 'no_file';
      for (const f of found) f.line = clientId;
      return found.map(infoOf).map((f) => [f.file, f.name, f.mime, f.bytes, f.width, f.height]);
    },
    /** The line is deleted. */
    forget(clientId) {
      for (const f of files.values()) if (f.line === clientId) files.delete(f.id);
    },
  };
}
