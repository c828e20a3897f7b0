import { useRef, useState, type ReactNode, type SyntheticEvent } from 'react';
import { Link, useLocation, useParams } from 'react-router';
import { LIMITS } from '@/proto/messages.gen';
import { utf8Length } from '@/proto/utf8';
import { failureOf } from '@/state/commands';
import { useApp, useCommands } from '@/state/hooks';
import { Button } from '@/ui/Button';
import { Field, PasswordField } from '@/ui/Field';
import { Mark } from '@/ui/Mark';
import { Nest } from '@/ui/Nest';
import { Wait } from './Wait';

interface Errors {
  name?: string | undefined;
  password?: string | undefined;
  invite?: string | undefined;
  form?: string | undefined;
}

export function checkSignup(name: string, password: string): Errors {
  const errors: Errors = {};
  const length = Array.from(name.trim()).length;
  if (length === 0) errors.name = 'Choose a name.';
  else if (length > LIMITS.NAME_CHARS_MAX)
    errors.name = `At most ${LIMITS.NAME_CHARS_MAX} characters; these are ${length}.`;
  else if (!/^[\p{L}\p{M}\p{N} ._-]+$/u.test(name.trim())) errors.name = 'Use letters, digits, spaces and . _ - only.';
  const bytes = utf8Length(password);
  if (bytes < LIMITS.PASSWORD_BYTES_MIN)
    errors.password = `At least ${LIMITS.PASSWORD_BYTES_MIN} characters${bytes > 0 ? `; these are ${Array.from(password).length}` : ''}.`;
  else if (bytes > LIMITS.PASSWORD_BYTES_MAX) errors.password = `At most ${LIMITS.PASSWORD_BYTES_MAX} characters.`;
  return errors;
}

function checkLogin(name: string, password: string): Errors {
  return {
    name: name.trim() === '' ? 'Enter your name.' : undefined,
    password: password === '' ? 'Enter your password.' : undefined,
  };
}

const WORDS = {
  login: {
    title: 'Log in',
    lead: 'Good to have you back.',
    other: 'New here?',
    otherLink: 'Make an account',
    to: '/signup',
  },
  signup: {
    title: 'Make an account',
    lead: 'A name and a password are all it takes.',
    other: 'Been here before?',
    otherLink: 'Log in',
    to: '/login',
  },
} as const;

export function AuthPage({ mode }: { mode: 'login' | 'signup' }) {
  const commands = useCommands();
  const location = useLocation();
  const { code } = useParams();
  const server = useApp((s) => s.server);
  const ended = useApp((s) => s.session.status === 'out' && s.session.why === 'ended');
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [errors, setErrors] = useState<Errors>({});
  const [invite, setInvite] = useState(code ?? '');
  const [busy, setBusy] = useState(false);
  const [waitUntil, setWaitUntil] = useState(0);
  const nameRef = useRef<HTMLInputElement>(null);
  const passwordRef = useRef<HTMLInputElement>(null);
  const inviteRef = useRef<HTMLInputElement>(null);
  const asksInvite = mode === 'signup' && server?.signup === 'invite';
  const words = WORDS[mode];

  function show(found: Errors): void {
    setErrors(found);
    if (found.name) nameRef.current?.focus();
    else if (found.password) passwordRef.current?.focus();
    else if (found.invite) inviteRef.current?.focus();
  }

  async function submit(e: SyntheticEvent): Promise<void> {
    e.preventDefault();
    if (busy) return;
    const found = mode === 'signup' ? checkSignup(name, password) : checkLogin(name, password);
    if (asksInvite && invite.trim() === '') found.invite = 'Enter the code of your invitation.';
    show(found);
    if (found.name || found.password || found.invite) return;
    setBusy(true);
    try {
      await (mode === 'signup' ? commands.signup(name.trim(), password, asksInvite ? codeOf(invite) : '') : commands.login(name.trim(), password));
      // The routes see the session and lead on to where one was going.
    } catch (error) {
      const failure = failureOf(error);
      setBusy(false);
      if (failure.code === 'rate_limited' && failure.retryMs > 0) {
        setWaitUntil(Date.now() + failure.retryMs);
        show({ form: 'Too many tries.' });
      } else if (failure.field === 'name' || failure.code === 'name_taken' || failure.code === 'bad_name')
        show({ name: failure.detail });
      else if (failure.field === 'invite') show({ invite: failure.detail });
      else if (failure.field === 'password' || failure.code === 'weak_password') show({ password: failure.detail });
      else {
        show({ form: failure.detail });
        if (failure.code === 'bad_credentials') passwordRef.current?.select();
      }
    }
  }

  const closed = mode === 'signup' && server?.signup === 'closed';
  return (
    <AuthFrame
      title={mode === 'signup' && code ? 'Accept the invitation' : words.title}
      lead={
        ended
          ? 'Your session has ended. Log in again; what you had not sent is kept on this device.'
          : closed
            ? 'Nobody can sign up here just now. Ask an administrator for an account.'
            : words.lead
      }
    >
      {closed ? null : (
        <form noValidate onSubmit={(e) => void submit(e)} className="space-y-5">
          <div role="alert" className="empty:hidden">
            {errors.form ? (
              <p className="rounded-md border border-danger px-3 py-2 text-sm text-danger">{errors.form}</p>
            ) : null}
          </div>
          {waitUntil > 0 ? (
            <Wait
              until={waitUntil}
              onOver={() => {
                setWaitUntil(0);
                setErrors({});
              }}
            />
          ) : null}
          {asksInvite ? (
            <Field
              ref={inviteRef}
              label="Code of your invitation"
              name="invite"
              autoComplete="off"
              autoCapitalize="none"
              spellCheck={false}
              required
              error={errors.invite}
              value={invite}
              onChange={(e) => setInvite(e.target.value)}
            />
          ) : null}
          <Field
            ref={nameRef}
            label="Name"
            name="username"
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            required
            autoFocus
            hint={
              mode === 'signup'
                ? `What you log in with. 1 to ${LIMITS.NAME_CHARS_MAX} letters, digits, spaces or .\u00a0_\u00a0-`
                : undefined
            }
            error={errors.name}
            value={name}
            onChange={(e) => setName(e.target.value)}
          />
          <PasswordField
            ref={passwordRef}
            label="Password"
            name="password"
            autoComplete={mode === 'signup' ? 'new-password' : 'current-password'}
            required
            hint={
              mode === 'signup'
                ? `${LIMITS.PASSWORD_BYTES_MIN} to ${LIMITS.PASSWORD_BYTES_MAX} characters. A few words in a row are easy to keep in mind.`
                : undefined
            }
            error={errors.password}
            value={password}
            onChange={(e) => setPassword(e.target.value)}
          />
          <Button type="submit" tone="primary" busy={busy} disabled={waitUntil > 0} className="h-11 w-full text-base">
            {words.title}
          </Button>
        </form>
      )}
      {mode === 'login' && server?.signup === 'closed' ? null : (
        <p className="mt-6 text-sm text-ink-2">
          {words.other}{' '}
          <Link
            to={words.to}
            state={location.state as unknown}
            className="inline-block py-2 font-semibold text-accent underline underline-offset-2"
          >
            {words.otherLink}
          </Link>
        </p>
      )}
    </AuthFrame>
  );
}

/** A code, or the whole link that somebody pasted in its place. */
export function codeOf(text: string): string {
  return (/\/join\/([^/?#\s]+)/.exec(text)?.[1] ?? text).trim().toLowerCase();
}

/** A form beside the picture; above it what the server is called. */
export function AuthFrame({ title, lead, children }: { title: string; lead: ReactNode; children: ReactNode }) {
  const name = useApp((s) => s.server?.name ?? 'Rookery');
  return (
    <div className="grid min-h-dvh grid-cols-[minmax(0,1fr)] bg-page md:grid-cols-[minmax(0,5fr)_minmax(0,6fr)]">
      <Welcome name={name} />
      <main className="flex flex-col justify-center bg-paper px-5 pt-8 pb-[max(2rem,env(safe-area-inset-bottom))] sm:px-10 md:rounded-l-xl md:px-14 md:shadow-sheet">
        <div className="mx-auto w-full max-w-sm">
          <div className="mb-8 flex items-center gap-2.5 md:hidden">
            <Mark className="size-9 text-accent" />
            <bdi className="min-w-0 truncate text-xl font-bold tracking-tight">{name}</bdi>
          </div>
          <h1 className="text-2xl font-bold tracking-tight">{title}</h1>
          <p className="mt-1.5 mb-6 text-ink-2">{lead}</p>
          {children}
        </div>
      </main>
    </div>
  );
}

/** For wide screens: a picture, and what this place promises. */
function Welcome({ name }: { name: string }) {
  return (
    <aside className="hidden flex-col justify-between p-12 md:flex lg:p-16">
      <div className="flex items-center gap-2.5">
        <Mark className="size-9 text-accent" />
        <bdi className="min-w-0 truncate text-xl font-bold tracking-tight">{name}</bdi>
      </div>
      <Nest className="my-8 w-full max-w-md self-center" />
      <p className="max-w-[18ch] text-2xl leading-tight font-bold tracking-tight text-balance lg:text-[2.5rem]">
        Group chat that keeps what you said.
      </p>
    </aside>
  );
}
