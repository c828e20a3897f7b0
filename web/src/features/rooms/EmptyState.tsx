import { useNavigate } from 'react-router';
import { useMe, useName } from '@/state/hooks';
import { Button } from '@/ui/Button';
import { Mark } from '@/ui/Mark';

/** The first thing a newcomer sees: two ways on, and nothing else to understand. */
export function EmptyState({ onCreate }: { onCreate: () => void }) {
  const me = useMe();
  const name = useName(me?.id ?? 0);
  const navigate = useNavigate();
  return (
    <div className="thin-scroll flex min-h-0 flex-1 flex-col items-center justify-center overflow-y-auto px-6 py-10 text-center">
      <Mark className="size-16 text-accent" />
      <h1 className="mt-5 text-xl font-bold tracking-tight text-balance sm:text-2xl">
        Welcome{me ? (
          <>
            , <bdi>{name}</bdi>
          </>
        ) : null}
      </h1>
      <p className="mt-2 max-w-[42ch] text-ink-2 text-pretty">
        Conversations live in rooms. Look which ones there are, or make the first one of your own.
      </p>
      <div className="mt-6 flex flex-wrap justify-center gap-3">
        <Button tone="primary" icon="compass" onClick={() => void navigate('/browse')}>
          Browse public rooms
        </Button>
        <Button icon="plus" onClick={onCreate}>
          Create a room
        </Button>
      </div>
    </div>
  );
}
