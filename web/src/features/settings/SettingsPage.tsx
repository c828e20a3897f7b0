import { AlertsForm } from './AlertsForm';
import { PasswordForm } from './PasswordForm';
import { ProfileForm } from './ProfileForm';
import { SignIns } from './SignIns';

export function SettingsPage() {
  return (
    <div className="thin-scroll min-h-0 flex-1 overflow-y-auto px-4 py-5 sm:px-6">
      <div className="mx-auto max-w-2xl space-y-10 pb-[env(safe-area-inset-bottom)]">
        <ProfileForm />
        <AlertsForm />
        <SignIns />
        <PasswordForm />
      </div>
    </div>
  );
}
