import { Dialog, DialogBody } from '@/ui/Dialog';
import { SEARCH_KEYS, SWITCH_KEYS } from '@/features/rooms/Sidebar';

const KEYS: readonly { keys: string; what: string }[] = [
  { keys: SWITCH_KEYS, what: 'Go to a room by name' },
  { keys: SEARCH_KEYS, what: 'Search messages' },
  { keys: 'Alt ↑ / Alt ↓', what: 'Room above, room below' },
  { keys: 'Alt Shift ↑ / ↓', what: 'Next room with unread messages' },
  { keys: 'Enter', what: 'Send' },
  { keys: 'Shift Enter', what: 'New line' },
  { keys: '↑', what: 'In an empty message: change your last one' },
  { keys: 'Esc', what: 'Stop changing; close what is open' },
  { keys: '↑ / ↓', what: 'In the conversation: from message to message' },
  { keys: 'U', what: 'On a message: mark unread from here' },
  { keys: '?', what: 'This list' },
];

export function HelpDialog({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose} className="max-w-lg">
      <DialogBody className="pb-6">
        <dl className="divide-y divide-line">
          {KEYS.map((k) => (
            <div key={k.keys + k.what} className="flex items-center justify-between gap-4 py-2 text-sm">
              <dt className="text-ink-2">{k.what}</dt>
              <dd className="shrink-0">
                <kbd className="rounded-sm border border-line-strong bg-sunk px-2 py-0.5 font-sans text-xs font-semibold whitespace-nowrap">
                  {k.keys}
                </kbd>
              </dd>
            </div>
          ))}
        </dl>
      </DialogBody>
    </Dialog>
  );
}
