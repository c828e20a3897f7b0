import { useCommands } from '@/state/hooks';
import { Button } from '@/ui/Button';
import { Mark } from '@/ui/Mark';
import { PasswordForm } from './PasswordForm';

/** Somebody else knows their password: the first thing is another one. */
export function MustChange() {
  const commands = useCommands();
  return (
    <main className="grid min-h-dvh place-items-center bg-paper px-5 py-10">
      <div className="w-full max-w-sm">
        <Mark className="size-12 text-accent" />
        <h1 className="mt-5 text-2xl font-bold tracking-tight">Choose your own password</h1>
        <p className="mt-1.5 mb-6 text-ink-2">
          An administrator gave you the one you have logged in with, so somebody else knows it. Choose another one to go on.
        </p>
        <PasswordForm given />
        <p className="mt-6">
          <Button onClick={() => void commands.logout().catch(() => undefined)}>Log out</Button>
        </p>
      </div>
    </main>
  );
}
