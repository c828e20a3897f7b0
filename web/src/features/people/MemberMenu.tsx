import { useRef, useState } from 'react';
import { failureOf, type Commands, type Member } from '@/state/commands';
import { useNavigate } from 'react-router';
import { useCommands, useMe } from '@/state/hooks';
import { Button } from '@/ui/Button';
import { Dialog, DialogActions, DialogBody } from '@/ui/Dialog';
import { Icon, type IconName } from '@/ui/Icon';
import { Menu, MenuItem } from '@/ui/Menu';
import type { Act } from './rights';

interface ActWords {
  item: string;
  icon: IconName;
  danger: boolean;
  /** Asked before it happens; without it, it happens at once, for it is easily undone. */
  ask: { title: (name: string) => string; text: string; action: string } | null;
  run: (commands: Commands, room: number, member: number) => Promise<void>;
}

const ACTS: Record<Act, ActWords> = {
  moderator: {
    item: 'Make moderator',
    icon: 'people',
    danger: false,
    ask: null,
    run: (c, room, member) => c.setRole(room, member, 'moderator'),
  },
  member: {
    item: 'Make ordinary member',
    icon: 'person',
    danger: false,
    ask: null,
    run: (c, room, member) => c.setRole(room, member, 'member'),
  },
  owner: {
    item: 'Make owner',
    icon: 'check',
    danger: false,
    ask: {
      title: (name) => `Give this room to ${name}?`,
      text: 'They become the owner, and you a moderator. Only they can give it back.',
      action: 'Give the room away',
    },
    run: (c, room, member) => c.setRole(room, member, 'owner'),
  },
  mute: {
    item: 'Mute',
    icon: 'eyeOff',
    danger: false,
    ask: {
      title: (name) => `Mute ${name}?`,
      text: 'They can go on reading, but not write, until somebody lets them speak again.',
      action: 'Mute',
    },
    run: (c, room, member) => c.muteMember(room, member, true),
  },
  unmute: {
    item: 'Let speak again',
    icon: 'eye',
    danger: false,
    ask: null,
    run: (c, room, member) => c.muteMember(room, member, false),
  },
  remove: {
    item: 'Remove from this room',
    icon: 'leave',
    danger: true,
    ask: {
      title: (name) => `Remove ${name}?`,
      text: 'They leave at once, on all their devices. What they said stays. They can come back to a public room.',
      action: 'Remove',
    },
    run: (c, room, member) => c.removeMember(room, member),
  },
  ban: {
    item: 'Ban from this room',
    icon: 'close',
    danger: true,
    ask: {
      title: (name) => `Ban ${name}?`,
      text: 'They leave at once, on all their devices, and cannot come back until the ban is lifted. What they said stays.',
      action: 'Ban',
    },
    run: (c, room, member) => c.banMember(room, member),
  },
};

interface MemberMenuProps {
  room: number;
  member: Member;
  acts: readonly Act[];
  /** It has happened; a sentence for who cannot see it. */
  onDone: (said: string) => void;
  onError: (sentence: string) => void;
}

export function MemberMenu({ room, member, acts, onDone, onError }: MemberMenuProps) {
  const commands = useCommands();
  const navigate = useNavigate();
  const me = useMe()?.id;
  const [asked, setAsked] = useState<Act | null>(null);
  const [busy, setBusy] = useState(false);
  if (acts.length === 0 && member.id === me) return null;

  async function run(act: Act): Promise<void> {
    setBusy(true);
    try {
      await ACTS[act].run(commands, room, member.id);
      onDone(`${ACTS[act].item}: ${member.name}. Done.`);
    } catch (e) {
      onError(failureOf(e).detail);
    } finally {
      setBusy(false);
      setAsked(null);
    }
  }

  return (
    <>
      <Menu
        label={`What you can do about ${member.name}`}
        buttonClass="tap inline-flex items-center justify-center rounded-md text-ink-3 hover:bg-page-hover hover:text-ink"
        panelClass="right-0 top-full mt-1"
        button={<Icon name="dots" />}
      >
        {(close) => (
          <>
            {member.id === me ? null : (
              <MenuItem
                icon="message"
                onSelect={() => {
                  close();
                  commands.openDirect([member.id]).then(
                    (direct) => void navigate(`/r/${direct}`),
                    (e: unknown) => onError(failureOf(e).detail),
                  );
                }}
              >
                Message
              </MenuItem>
            )}
            {acts.map((act) => (
              <MenuItem
                key={act}
                icon={ACTS[act].icon}
                danger={ACTS[act].danger}
                onSelect={() => {
                  close();
                  if (ACTS[act].ask) setAsked(act);
                  else void run(act);
                }}
              >
                {ACTS[act].item}
              </MenuItem>
            ))}
          </>
        )}
      </Menu>
      {asked ? (
        <AskDialog act={asked} name={member.name} busy={busy} onClose={() => setAsked(null)} onYes={() => void run(asked)} />
      ) : null}
    </>
  );
}

interface AskDialogProps {
  act: Act;
  name: string;
  busy: boolean;
  onClose: () => void;
  onYes: () => void;
}

function AskDialog({ act, name, busy, onClose, onYes }: AskDialogProps) {
  const no = useRef<HTMLButtonElement>(null);
  const { ask, danger } = ACTS[act];
  if (!ask) return null;
  return (
    <Dialog title={<bdi>{ask.title(name)}</bdi>} onClose={onClose} initialFocus={no}>
      <DialogBody>
        <p className="text-sm text-ink-2">{ask.text}</p>
      </DialogBody>
      <DialogActions>
        <Button ref={no} onClick={onClose}>
          Cancel
        </Button>
        <Button tone={danger ? 'danger' : 'primary'} busy={busy} onClick={onYes}>
          {ask.action}
        </Button>
      </DialogActions>
    </Dialog>
  );
}
