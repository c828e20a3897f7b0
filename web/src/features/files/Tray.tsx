import { useCommands, useApp } from '@/state/hooks';
import { sizeText, uploadsOf, type Upload } from '@/state/uploads';
import { IconButton } from '@/ui/Button';
import { cx } from '@/ui/cx';
import { Icon } from '@/ui/Icon';

/** The files of the next line, over the field. */
export function Tray({ room }: { room: number }) {
  const list = useApp((s) => uploadsOf(s.uploads, room));
  if (list.length === 0) return null;
  return (
    <ul aria-label="Files of this message" className="thin-scroll flex max-h-40 flex-wrap gap-2 overflow-y-auto border-b border-line px-3 py-2">
      {list.map((u) => (
        <Item key={u.id} room={room} u={u} />
      ))}
    </ul>
  );
}

function Item({ room, u }: { room: number; u: Upload }) {
  const commands = useCommands();
  const done = u.bytes === 0 ? 1 : Math.min(1, u.sent / u.bytes);
  return (
    <li className={cx('flex max-w-full items-center gap-2 rounded-lg border bg-page py-1 pl-2', u.state === 'failed' ? 'w-96 border-danger' : 'w-60 border-line')}>
      {u.preview ? (
        <img src={u.preview} alt="" className="size-9 shrink-0 rounded-md object-cover" />
      ) : (
        <Icon name="file" className="size-6 text-ink-3" />
      )}
      <div className="min-w-0 flex-1">
        <bdi title={u.name} className="block truncate text-xs font-semibold">
          {u.name}
        </bdi>
        {u.state === 'failed' ? (
          <span role="alert" className="block text-xs text-danger">
            {u.reason}
          </span>
        ) : u.state === 'ready' ? (
          <span role="status" className="block text-xs text-ink-3">
            {sizeText(u.bytes)}, ready
          </span>
        ) : (
          <progress aria-label={`Uploading ${u.name}`} max={1} value={done} className="upload mt-1 block h-1.5 w-full" />
        )}
      </div>
      {u.state === 'failed' ? (
        <button
          type="button"
          className="tap rounded-md px-1 text-xs font-semibold text-accent underline underline-offset-2"
          onClick={() => commands.retryFile(room, u.id)}
        >
          Retry
        </button>
      ) : null}
      <IconButton
        icon="close"
        label={u.state === 'ready' || u.state === 'failed' ? `Remove ${u.name}` : `Cancel ${u.name}`}
        onClick={() => commands.removeFile(room, u.id)}
      />
    </li>
  );
}
