import { useCommands } from '@/state/hooks';
import { NOTIFIES, type Notify, type Room } from '@/state/rooms';
import { MenuItem } from '@/ui/Menu';

const WORDS: Record<Notify, string> = {
  all: 'Every message',
  mentions: 'Mentions only',
  nothing: 'Nothing',
};

/** How much of a room its member is told: badge, bold name, title and notifications follow it, on all their devices. */
export function NotifyChoice({ room, onChosen }: { room: Room; onChosen: () => void }) {
  const commands = useCommands();
  return (
    <div role="group" aria-label="Tell me about" className="mb-1.5 border-b border-line pb-1.5">
      <div aria-hidden="true" className="px-2.5 pt-1 pb-0.5 text-xs font-semibold text-ink-3">
        Tell me about
      </div>
      {NOTIFIES.map((level) => (
        <MenuItem
          key={level}
          checked={room.notify === level}
          onSelect={() => {
            onChosen();
            commands.setNotify(room.id, level);
          }}
        >
          {WORDS[level]}
        </MenuItem>
      ))}
    </div>
  );
}
