import { useRef, useState } from 'react';
import { Face } from '@/features/people/Face';
import { LIMITS } from '@/proto/messages.gen';
import { failureOf } from '@/state/commands';
import { useApp, useCommands, useMe, useName } from '@/state/hooks';
import { Button } from '@/ui/Button';
import { Field } from '@/ui/Field';

const SAVED = 'Saved. Everybody sees it within a second.';

function words(e: unknown): string {
  const failure = failureOf(e);
  if (failure.code === 'rate_limited') return `You have changed your profile very often. Try again in ${Math.ceil(failure.retryMs / 60_000)} minutes.`;
  if (failure.code === 'name_taken') return 'Somebody else signs in with this name; choose another one.';
  return failure.detail;
}

/** How others see one: name and picture. */
export function ProfileForm() {
  const commands = useCommands();
  const me = useMe();
  const id = me?.id ?? 0;
  const name = useName(id);
  const handle = me?.name ?? '';
  const hasPicture = useApp((s) => (s.users.get(id)?.avatar ?? 0) > 0);
  const [display, setDisplay] = useState<string | null>(null);
  const [error, setError] = useState('');
  const [pictureError, setPictureError] = useState('');
  const [said, setSaid] = useState('');
  const [busy, setBusy] = useState(false);
  const file = useRef<HTMLInputElement>(null);
  const field = useRef<HTMLInputElement>(null);
  const shown = name === handle ? '' : name;

  async function act(work: () => Promise<void>, fail: (words: string) => void): Promise<void> {
    if (busy) return;
    setBusy(true);
    setError('');
    setPictureError('');
    setSaid('');
    try {
      await work();
      setSaid(SAVED);
    } catch (e) {
      fail(words(e));
    } finally {
      setBusy(false);
    }
  }

  async function submit(): Promise<void> {
    const wanted = (display ?? shown).trim();
    if (Array.from(wanted).length > LIMITS.DISPLAY_CHARS_MAX) {
      setError(`At most ${LIMITS.DISPLAY_CHARS_MAX} characters.`);
      field.current?.focus();
      return;
    }
    await act(
      async () => {
        await commands.setDisplay(wanted);
        setDisplay(null);
      },
      (text) => {
        setError(text);
        field.current?.focus();
      },
    );
  }

  return (
    <section aria-labelledby="profile-title">
      <h2 id="profile-title" className="text-lg font-bold tracking-tight">
        How others see you
      </h2>
      <div className="mt-4 flex items-center gap-4">
        <Face id={id} name={name} className="size-20" />
        <div className="flex flex-wrap gap-2">
          <input
            ref={file}
            type="file"
            accept="image/*"
            aria-label="Picture"
            className="sr-only"
            tabIndex={-1}
            onChange={(e) => {
              const chosen = e.target.files?.[0];
              e.target.value = '';
              if (chosen) void act(() => commands.setPicture(chosen), setPictureError);
            }}
          />
          <Button busy={busy} onClick={() => file.current?.click()}>
            {hasPicture ? 'Change picture' : 'Choose a picture'}
          </Button>
          {hasPicture ? (
            <Button busy={busy} onClick={() => void act(() => commands.removePicture(), setPictureError)}>
              Remove picture
            </Button>
          ) : null}
        </div>
      </div>
      <p role="alert" className="mt-2 text-sm text-danger empty:hidden">
        {pictureError}
      </p>
      <form
        noValidate
        className="mt-5 max-w-sm space-y-4"
        onSubmit={(e) => {
          e.preventDefault();
          void submit();
        }}
      >
        <Field
          ref={field}
          label="Display name"
          name="display"
          autoComplete="name"
          placeholder={handle}
          value={display ?? shown}
          onChange={(e) => setDisplay(e.target.value)}
          hint={`What others see in place of “${handle}”, with which you log in. Leave it empty to be shown by that.`}
          error={error || undefined}
        />
        <Button type="submit" tone="primary" busy={busy}>
          Save name
        </Button>
        <p role="status" className="text-sm text-ink-2 empty:hidden">
          {said}
        </p>
      </form>
    </section>
  );
}
