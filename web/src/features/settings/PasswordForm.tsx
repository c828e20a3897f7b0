import { useRef, useState } from 'react';
import { LIMITS } from '@/proto/messages.gen';
import { failureOf } from '@/state/commands';
import { useCommands, useMe } from '@/state/hooks';
import { Button } from '@/ui/Button';
import { PasswordField } from '@/ui/Field';

interface Errors {
  current?: string;
  next?: string;
  form?: string;
}

/** `given`: the current one is an administrator's, and there is nothing else on the page. */
export function PasswordForm({ given = false }: { given?: boolean }) {
  const commands = useCommands();
  const me = useMe();
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const [errors, setErrors] = useState<Errors>({});
  const [busy, setBusy] = useState(false);
  const [done, setDone] = useState(false);
  const currentRef = useRef<HTMLInputElement>(null);
  const nextRef = useRef<HTMLInputElement>(null);

  function refuse(found: Errors): void {
    setErrors(found);
    if (found.current) currentRef.current?.focus();
    else if (found.next) nextRef.current?.focus();
  }

  async function submit(): Promise<void> {
    if (busy) return;
    setDone(false);
    const bytes = new TextEncoder().encode(next).length;
    if (current === '') return refuse({ current: 'Enter the password you have now.' });
    if (bytes < LIMITS.PASSWORD_BYTES_MIN || bytes > LIMITS.PASSWORD_BYTES_MAX)
      return refuse({ next: `Use ${LIMITS.PASSWORD_BYTES_MIN} to ${LIMITS.PASSWORD_BYTES_MAX} characters.` });
    setBusy(true);
    setErrors({});
    try {
      await commands.changePassword(current, next);
      setCurrent('');
      setNext('');
      setDone(true);
    } catch (e) {
      const failure = failureOf(e);
      if (failure.code === 'wrong_password') refuse({ current: failure.detail });
      else if (failure.code === 'weak_password') refuse({ next: failure.detail });
      else if (failure.code === 'no_change') refuse({ next: 'That is the one you were given. Choose another one.' });
      else if (failure.code === 'rate_limited')
        refuse({ form: `Too many tries. Wait ${Math.ceil(failure.retryMs / 1000)} seconds, then try again.` });
      else refuse({ form: failure.detail });
    } finally {
      setBusy(false);
    }
  }

  return (
    <section aria-labelledby="password-title">
      <h2 id="password-title" className={given ? 'sr-only' : 'text-lg font-bold tracking-tight'}>
        Change your password
      </h2>
      {given ? null : <p className="mt-1 text-sm text-ink-2">Your other devices are logged out then.</p>}
      <form
        noValidate
        className="mt-4 max-w-sm space-y-4"
        onSubmit={(e) => {
          e.preventDefault();
          void submit();
        }}
      >
        {/* For password managers: whose it is. */}
        <input type="text" name="username" autoComplete="username" value={me?.name ?? ''} readOnly hidden />
        <PasswordField
          ref={currentRef}
          label={given ? 'The password you were given' : 'Current password'}
          name="current"
          autoComplete="current-password"
          value={current}
          onChange={(e) => setCurrent(e.target.value)}
          error={errors.current}
        />
        <PasswordField
          ref={nextRef}
          label="New password"
          name="next"
          autoComplete="new-password"
          value={next}
          onChange={(e) => setNext(e.target.value)}
          hint={`At least ${LIMITS.PASSWORD_BYTES_MIN} characters that are not a common password.`}
          error={errors.next}
        />
        <p role="alert" className="text-sm text-danger empty:hidden">
          {errors.form ?? ''}
        </p>
        <Button type="submit" tone="primary" busy={busy}>
          Change password
        </Button>
        <p role="status" className="text-sm text-ink-2 empty:hidden">
          {done ? 'Your password is changed. All other devices are logged out.' : ''}
        </p>
      </form>
    </section>
  );
}
