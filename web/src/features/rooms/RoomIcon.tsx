import type { Visibility } from '@/state/rooms';
import { Icon } from '@/ui/Icon';

const ICONS = { public: 'hash', private: 'lock', direct: 'person' } as const;
const WORDS = { public: 'Public room', private: 'Private room', direct: 'Direct conversation' } as const;

export function RoomIcon({ visibility, className }: { visibility: Visibility; className?: string }) {
  return (
    <>
      <Icon name={ICONS[visibility]} className={className ?? ''} />
      <span className="sr-only">{WORDS[visibility]} </span>
    </>
  );
}
