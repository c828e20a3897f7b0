/* Finds what was meant by a few letters: all of them in order, the better the closer together and nearer to the
 * beginnings of words. */
export function score(query: string, name: string): number | null {
  const q = query.toLocaleLowerCase();
  const n = name.toLocaleLowerCase();
  if (q === '') return 0;
  const at = n.indexOf(q);
  if (at >= 0) return 1000 - at * 2 + (at === 0 || isStart(n, at) ? 200 : 0) - n.length;
  let total = 0;
  let from = 0;
  let previous = -2;
  for (const letter of q) {
    if (letter === ' ') continue;
    const i = n.indexOf(letter, from);
    if (i < 0) return null;
    total += i === previous + 1 ? 12 : 0;
    total += isStart(n, i) ? 10 : 0;
    total -= i - from;
    previous = i;
    from = i + 1;
  }
  return total - n.length / 4;
}

function isStart(name: string, i: number): boolean {
  return i === 0 || /[\s\-_./]/.test(name[i - 1] ?? '');
}

export function rank<T>(query: string, items: readonly T[], nameOf: (item: T) => string): T[] {
  const q = query.trim();
  if (q === '') return [...items];
  return items
    .map((item, i) => ({ item, i, s: score(q, nameOf(item)) }))
    .filter((r): r is { item: T; i: number; s: number } => r.s !== null)
    .sort((a, b) => b.s - a.s || a.i - b.i)
    .map((r) => r.item);
}
