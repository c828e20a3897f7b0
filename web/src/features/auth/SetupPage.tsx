import { useRef, useState, type SyntheticEvent } from 'react';
import { LIMITS } from '@/proto/messages.gen';
import { failureOf } from '@/state/commands';
import { useCommands } from '@/state/hooks';
import type { SignupMode } from '@/state/server';
import { Button } from '@/ui/Button';
import { Choice } from '@/ui/Choice';
import { Field, PasswordField } from '@/ui/Field';
import { AuthFrame, checkSignup } from './AuthPage';

const SIGNUP_CHOICES: readonly { value: SignupMode; label: string; hint: string }[] = [
  { value: 'open', label: 'Anybody', hint: 'Whoever knows the address can make an account.' },
  { value: 'invite', label: 'With an invitation', hint: 'You pass on links that you make.' },
  { value: 'closed', label: 'Nobody', hint: 'You can change this at any time.' },
];

interface Errors {
  server?: string | undefined;
  name?: string | undefined;
  password?: string | undefined;
  form?: string | undefined;
}

/** The first screen of an empty server: who fills it in is the administrator. */
export function SetupPage() {
  const commands = useCommands();
  const [serverName, setServerName] = useState('');
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [signup, setSignup] = useState<SignupMode>('invite');
  const [errors, setErrors] = useState<Errors>({});
  const [busy, setBusy] = useState(false);
  const serverRef = useRef<HTMLInputElement>(null);
  const nameRef = useRef<HTMLInputElement>(null);
  const passwordRef = useRef<HTMLInputElement>(null);

  function show(found: Errors): void {
    setErrors(found);
    if (found.server) serverRef.current?.focus();
    else if (found.name) nameRef.current?.focus();
    else if (found.password) passwordRef.current?.focus();
  }

  async function submit(e: SyntheticEvent): Promise<void> {
    e.preventDefault();
    if (busy) return;
    const length = Array.from(serverName.trim()).length;
    const { name: badName, password: badPassword } = checkSignup(name, password);
    const found: Errors = { name: badName, password: badPassword };
    if (length === 0) found.server = 'Give it a name.';
    else if (length > LIMITS.DISPLAY_CHARS_MAX) found.server = `At most ${LIMITS.DISPLAY_CHARS_MAX} characters; these are ${length}.`;
    show(found);
    if (found.server || found.name || found.password) return;
    setBusy(true);
    try {
      await commands.setUp({ name: name.trim(), password, serverName: serverName.trim(), signup });
      // The routes see the session, or that somebody else was first.
    } catch (error) {
      const failure = failureOf(error);
      setBusy(false);
      if (failure.code === 'bad_display') show({ server: failure.detail });
      else if (failure.field === 'name') show({ name: failure.detail });
      else if (failure.field === 'password') show({ password: failure.detail });
      else show({ form: failure.detail });
    }
  }

  return (
    <AuthFrame title="Set up this server" lead="Nobody is here yet. You are its administrator from now on.">
      <form noValidate onSubmit={(e) => void submit(e)} className="space-y-5">
        <div role="alert" className="empty:hidden">
          {errors.form ? <p className="rounded-md border border-danger px-3 py-2 text-sm text-danger">{errors.form}</p> : null}
        </div>
        <Field
          ref={serverRef}
          label="Name of the server"
          name="server"
          autoComplete="organization"
          required
          autoFocus
          hint="Your team or company: it is shown where people log in."
          error={errors.server}
          value={serverName}
          onChange={(e) => setServerName(e.target.value)}
        />
        <Field
          ref={nameRef}
          label="Your name"
          name="username"
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          required
          hint={`What you log in with. 1 to ${LIMITS.NAME_CHARS_MAX} letters, digits, spaces or .\u00a0_\u00a0-`}
          error={errors.name}
          value={name}
          onChange={(e) => setName(e.target.value)}
        />
        <PasswordField
          ref={passwordRef}
          label="Password"
          name="password"
          autoComplete="new-password"
          required
          hint={`${LIMITS.PASSWORD_BYTES_MIN} to ${LIMITS.PASSWORD_BYTES_MAX} characters. A few words in a row are easy to keep in mind.`}
          error={errors.password}
          value={password}
          onChange={(e) => setPassword(e.target.value)}
        />
        <Choice legend="Who may sign up" name="signup" value={signup} options={SIGNUP_CHOICES} onChange={setSignup} />
        <Button type="submit" tone="primary" busy={busy} className="h-11 w-full text-base">
          Set up
        </Button>
      </form>
    </AuthFrame>
  );
}
