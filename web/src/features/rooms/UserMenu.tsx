import { useRef, useState } from 'react';
import { failureOf } from '@/state/commands';
import { useApp, useCommands, useMe, useName } from '@/state/hooks';
import { Face } from '@/features/people/Face';
import { PresenceDot } from '@/features/presence/PresenceDot';
import { Button } from '@/ui/Button';
import { Dialog, DialogActions, DialogBody } from '@/ui/Dialog';
import { Icon } from '@/ui/Icon';
import { Menu, MenuItem } from '@/ui/Menu';
import { useTheme } from '@/ui/theme';

const THEMES = [
  { value: 'system', label: 'As the system', icon: 'screen' },
  { value: 'light', label: 'Light', icon: 'sun' },
  { value: 'dark', label: 'Dark', icon: 'moon' },
] as const;

export function UserMenu({ onHelp, onSettings, onAdmin }: { onHelp: () => void; onSettings: () => void; onAdmin: () => void }) {
  const me = useMe();
  const name = useName(me?.id ?? 0);
  const online = useApp((s) => s.link.state === 'online');
  const [theme, setTheme] = useTheme();
  const [leaving, setLeaving] = useState(false);
  if (!me) return null;
  return (
    <div className="shrink-0 border-t border-line-strong/50 p-2 pb-[max(0.5rem,env(safe-area-inset-bottom))]">
      <Menu
        label={`Your menu, ${name}`}
        buttonClass="tap ring-inside flex w-full items-center gap-2.5 rounded-md px-2 py-1.5 text-left hover:bg-page-hover"
        panelClass="bottom-full left-0 mb-1.5 w-full"
        button={
          <>
            <Face id={me.id} name={name} className="size-8" />
            <span className="min-w-0 flex-1">
              <bdi className="block truncate text-sm font-semibold">{name}</bdi>
              <span className="flex items-center gap-1.5 text-2xs text-ink-3">
                <PresenceDot here={online} className="[&_.sr-only]:hidden" />
                {online ? 'Connected' : 'Not connected'}
              </span>
            </span>
            <Icon name="dots" className="text-ink-3" />
          </>
        }
      >
        {(close) => (
          <>
            <div role="group" aria-label="Appearance">
              <p aria-hidden="true" className="px-2.5 pt-1 pb-0.5 text-2xs font-bold tracking-wide text-ink-3 uppercase">
                Appearance
              </p>
              {THEMES.map((t) => (
                <MenuItem key={t.value} icon={t.icon} checked={theme === t.value} onSelect={() => setTheme(t.value)}>
                  {t.label}
                </MenuItem>
              ))}
            </div>
            <div role="separator" className="my-1.5 h-px bg-line" />
            <MenuItem
              icon="person"
              onSelect={() => {
                close();
                onSettings();
              }}
            >
              Settings
            </MenuItem>
            {me.admin ? (
              <MenuItem
                icon="people"
                onSelect={() => {
                  close();
                  onAdmin();
                }}
              >
                Administration
              </MenuItem>
            ) : null}
            <MenuItem
              icon="help"
              onSelect={() => {
                close();
                onHelp();
              }}
            >
              Keyboard shortcuts
            </MenuItem>
            <MenuItem
              icon="leave"
              onSelect={() => {
                close();
                setLeaving(true);
              }}
            >
              Log out
            </MenuItem>
          </>
        )}
      </Menu>
      {leaving ? <LogoutDialog onClose={() => setLeaving(false)} /> : null}
    </div>
  );
}

function LogoutDialog({ onClose }: { onClose: () => void }) {
  const commands = useCommands();
  const unsent = useApp((s) => s.outbox.entries.filter((e) => e.state !== 'stored').length);
  const drafts = useApp((s) => s.drafts.byRoom.size);
  const stay = useRef<HTMLButtonElement>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState('');

  const lost = [
    unsent > 0 ? `${unsent} ${unsent === 1 ? 'message that has' : 'messages that have'} not been sent` : '',
    drafts > 0 ? `${drafts} ${drafts === 1 ? 'draft' : 'drafts'}` : '',
  ].filter(Boolean);

  return (
    <Dialog title="Log out of this device?" onClose={onClose} initialFocus={stay}>
      <DialogBody>
        <p className="text-sm text-ink-2">
          {lost.length > 0
            ? `This erases ${lost.join(' and ')} from this device, so that nobody else finds it here.`
            : 'Your messages stay in their rooms. You can log in again at any time.'}
        </p>
        <p role="alert" className="mt-2 text-sm text-danger empty:hidden">
          {error}
        </p>
      </DialogBody>
      <DialogActions>
        <Button ref={stay} onClick={onClose}>
          Stay
        </Button>
        <Button
          tone={lost.length > 0 ? 'danger' : 'primary'}
          busy={busy}
          onClick={() => {
            setBusy(true);
            setError('');
            commands.logout().catch((e: unknown) => {
              setBusy(false);
              setError(`You are still logged in. ${failureOf(e).detail}`);
            });
          }}
        >
          {lost.length > 0 ? 'Erase and log out' : 'Log out'}
        </Button>
      </DialogActions>
    </Dialog>
  );
}
