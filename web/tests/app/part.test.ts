import { beforeEach, expect, test, vi } from 'vitest';
import { fetchPart } from '@/app/part';

beforeEach(() => sessionStorage.clear());

test('a part that came is given as it is, without a reload', async () => {
  const reload = vi.fn();
  expect(await fetchPart(async () => 7, reload)).toBe(7);
  expect(reload).not.toHaveBeenCalled();
});

test('a part that is gone reloads the page once, and then says so', async () => {
  const reload = vi.fn();
  const gone = () => Promise.reject(new Error('404'));
  void fetchPart(gone, reload);
  await vi.waitFor(() => expect(reload).toHaveBeenCalledTimes(1));
  await expect(fetchPart(gone, reload)).rejects.toThrow('404');
  expect(reload).toHaveBeenCalledTimes(1);
});
