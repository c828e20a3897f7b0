import { useEffect, useState } from 'react';
import { failureOf } from '@/state/commands';

const SEARCH_MS = 200;

interface Pages<T> {
  rows: T[] | null;
  more: boolean;
  error: string;
  loadingMore: boolean;
  again: () => void;
  loadMore: () => Promise<void>;
}

/** A list that comes in pages and follows what is asked for: `key` changes with it. */
export function usePages<T>(key: string, load: (after: T | null, signal: AbortSignal) => Promise<{ rows: T[]; more: boolean }>): Pages<T> {
  const [found, setFound] = useState<{ key: string; rows: T[]; more: boolean } | null>(null);
  const [error, setError] = useState('');
  const [round, setRound] = useState(0);
  const [loadingMore, setLoadingMore] = useState(false);

  useEffect(() => {
    const abort = new AbortController();
    const timer = setTimeout(
      () => {
        load(null, abort.signal).then(
          (answer) => {
            setError('');
            setFound({ key, ...answer });
          },
          (e: unknown) => {
            if (!abort.signal.aborted) setError(failureOf(e).detail);
          },
        );
      },
      found === null ? 0 : SEARCH_MS,
    );
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps -- `key` says what is asked for; `found` only tells the first time
  }, [key, round]);

  async function loadMore(): Promise<void> {
    const last = found?.rows.at(-1);
    if (!found || !last || loadingMore) return;
    setLoadingMore(true);
    try {
      const next = await load(last, new AbortController().signal);
      setFound((now) => (now?.key === found.key ? { ...now, rows: [...now.rows, ...next.rows], more: next.more } : now));
    } catch (e) {
      setError(failureOf(e).detail);
    } finally {
      setLoadingMore(false);
    }
  }

  return {
    rows: found?.rows ?? null,
    more: found?.more ?? false,
    error,
    loadingMore,
    again: () => setRound((n) => n + 1),
    loadMore,
  };
}
