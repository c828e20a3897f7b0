import type { History } from '@/state/rooms';
import { Choice } from '@/ui/Choice';

export function HistoryChoice({ value, onChange }: { value: History; onChange: (history: History) => void }) {
  return (
    <Choice
      legend="What can newcomers read?"
      name="history"
      value={value}
      onChange={onChange}
      options={[
        { value: 'all', label: 'Everything', hint: 'Also what was said before they came', icon: 'eye' },
        { value: 'joining', label: 'From their joining on', hint: 'Nothing that was said before', icon: 'eyeOff' },
      ]}
    />
  );
}
