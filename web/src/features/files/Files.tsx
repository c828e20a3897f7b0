import { useEffect, useState } from 'react';
import type { FileInfo } from '@/state/fold';
import { useCommands } from '@/state/hooks';
import { failureOf } from '@/state/commands';
import { isImage, sizeText } from '@/state/uploads';
import { Button, IconButton } from '@/ui/Button';
import { Dialog, DialogActions } from '@/ui/Dialog';
import { Icon } from '@/ui/Icon';

const WIDTH_MAX = 400;
const HEIGHT_MAX = 300;
const SIDE_MIN = 44;
/** Larger images are not fetched for a preview. */
const PREVIEW_BYTES_MAX = 12 * 1024 * 1024;

/** The place an image takes, whether it is there or not. */
export function placeOf(file: FileInfo): { width: number; height: number } {
  const scale = Math.min(1, WIDTH_MAX / file.width, HEIGHT_MAX / file.height);
  const side = (n: number) => Math.max(SIDE_MIN, Math.round(n * scale));
  return { width: side(file.width), height: side(file.height) };
}

/** What a line shows besides its text. Before it is stored (room null) nothing is fetched. */
export function Files({ room, files }: { room: number | null; files: readonly FileInfo[] }) {
  const [open, setOpen] = useState<FileInfo | null>(null);
  if (files.length === 0) return null;
  return (
    <>
      <ul aria-label={files.length === 1 ? 'File' : `${files.length} files`} className="mt-1 flex flex-wrap items-start gap-2">
        {files.map((file) => (
          <li key={file.file} className="max-w-full min-w-0">
            {isImage(file) && file.bytes <= PREVIEW_BYTES_MAX ? (
              <Picture room={room} file={file} onOpen={() => setOpen(file)} />
            ) : (
              <Card room={room} file={file} />
            )}
          </li>
        ))}
      </ul>
      {open && room !== null ? <Lightbox room={room} file={open} onClose={() => setOpen(null)} /> : null}
    </>
  );
}

function useAddress(room: number | null, file: number): { url: string | null; error: string; again: () => void } {
  const commands = useCommands();
  const [url, setUrl] = useState<string | null>(null);
  const [error, setError] = useState('');
  const [tries, setTries] = useState(0);
  useEffect(() => {
    if (room === null) return;
    let alive = true;
    commands.fileUrl(room, file).then(
      (at) => alive && setUrl(at),
      (e: unknown) => alive && setError(failureOf(e).detail),
    );
    return () => {
      alive = false;
    };
  }, [commands, room, file, tries]);
  const again = () => {
    setError('');
    setTries(tries + 1);
  };
  return { url, error, again };
}

function Picture({ room, file, onOpen }: { room: number | null; file: FileInfo; onOpen: () => void }) {
  const { url, error, again } = useAddress(room, file.file);
  const { width, height } = placeOf(file);
  return (
    <button
      type="button"
      aria-label={error ? `${file.name} could not be loaded. Try again` : `Open ${file.name}`}
      title={file.name}
      onClick={error ? again : onOpen}
      className="block max-w-full overflow-hidden rounded-lg border border-line bg-sunk"
    >
      <svg viewBox={`0 0 ${width} ${height}`} width={width} height={height} className="col-start-1 row-start-1 block h-auto max-w-full" aria-hidden="true">
        {url === null ? null : <image href={url} width={width} height={height} preserveAspectRatio="xMidYMid meet" />}
      </svg>
      {error ? <span className="block px-2 py-1 text-xs text-danger">Not loaded. Try again</span> : null}
    </button>
  );
}

function Card({ room, file }: { room: number | null; file: FileInfo }) {
  const commands = useCommands();
  const [error, setError] = useState('');
  return (
    <div className="flex max-w-full items-center gap-2 rounded-lg border border-line bg-raised py-1 pr-1 pl-3">
      <Icon name="file" className="size-5 text-ink-3" />
      <span className="min-w-0">
        <bdi className="block truncate text-sm font-semibold">{file.name}</bdi>
        <span role={error ? 'alert' : undefined} className={error ? 'block text-xs text-danger' : 'block text-xs text-ink-3'}>
          {error || sizeText(file.bytes)}
        </span>
      </span>
      {room === null ? null : (
        <IconButton
          icon="down"
          label={`Download ${file.name}`}
          onClick={() => {
            setError('');
            commands.saveFile(room, file).catch((e: unknown) => setError(failureOf(e).detail));
          }}
        />
      )}
    </div>
  );
}

function Lightbox({ room, file, onClose }: { room: number; file: FileInfo; onClose: () => void }) {
  const commands = useCommands();
  const { url, error } = useAddress(room, file.file);
  return (
    <Dialog title={<bdi>{file.name}</bdi>} description={`${file.width} × ${file.height}, ${sizeText(file.bytes)}`} onClose={onClose} className="max-w-5xl">
      <div className="flex min-h-24 flex-1 items-center justify-center overflow-hidden px-4 py-2">
        {url === null ? (
          <p role="status" className="text-sm text-ink-3">
            {error || 'Loading'}
          </p>
        ) : (
          <img src={url} alt={file.name} width={file.width} height={file.height} className="max-h-[70dvh] w-auto max-w-full rounded-md object-contain" />
        )}
      </div>
      <DialogActions>
        <Button onClick={onClose}>Close</Button>
        <Button tone="primary" icon="down" onClick={() => void commands.saveFile(room, file).catch(() => undefined)}>
          Download
        </Button>
      </DialogActions>
    </Dialog>
  );
}
