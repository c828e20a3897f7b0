import { useEffect, useState } from 'react';
import { useApp, useCommands } from '@/state/hooks';
import { Egg } from '@/ui/Egg';
import { cx } from '@/ui/cx';

/** A person's picture, in the place and size of the egg that stands for it until it is there. */
export function Face({ id, name, className }: { id: number; name: string; className: string }) {
  const commands = useCommands();
  const rev = useApp((s) => s.users.get(id)?.avatar ?? 0);
  const [loaded, setLoaded] = useState<{ id: number; rev: number; url: string | null } | null>(null);
  const now = rev > 0 ? commands.pictureNow(id, rev) : null;

  useEffect(() => {
    if (rev === 0 || now !== null) return;
    let alive = true;
    void commands.picture(id, rev).then((url) => {
      if (alive) setLoaded({ id, rev, url });
    });
    return () => {
      alive = false;
    };
  }, [commands, id, rev, now]);

  const url = now ?? (loaded?.id === id && loaded.rev === rev ? loaded.url : null);
  if (rev === 0 || url === null) return <Egg seed={id} name={name} className={className} />;
  return <img src={url} alt="" className={cx('shrink-0 rounded-full bg-sunk object-cover', className)} />;
}
