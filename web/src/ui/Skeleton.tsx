/** Grey shapes where lines will be. Decorative: the region itself says that it is busy. */
export function LinesSkeleton({ count = 5 }: { count?: number }) {
  const widths = ['w-3/4', 'w-1/2', 'w-5/6', 'w-2/5', 'w-2/3'];
  return (
    <div aria-hidden="true" className="space-y-5 px-4 py-3 sm:px-6">
      {Array.from({ length: count }, (_, i) => (
        <div key={i} className="flex animate-breathe gap-3">
          <div className="size-9 rounded-full bg-page" />
          <div className="flex-1 space-y-2 pt-1">
            <div className="h-3 w-28 rounded-sm bg-page" />
            <div className={`h-3 max-w-xl rounded-sm bg-page ${widths[i % widths.length]}`} />
          </div>
        </div>
      ))}
    </div>
  );
}
