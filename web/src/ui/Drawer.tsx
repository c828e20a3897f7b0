import { useEffect, useRef, type ReactNode } from 'react';
import { cx } from './cx';

/** A side of the screen as a modal dialog: the rest is inert, Escape closes, the focus goes back to what opened it. */
export function Drawer({ label, side, onClose, children }: { label: string; side: 'left' | 'right'; onClose: () => void; children: ReactNode }) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current;
    if (!dialog) return;
    const opener = document.activeElement;
    if (!dialog.open) dialog.showModal();
    return () => {
      if (dialog.open) dialog.close();
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      aria-modal="true"
      aria-label={label}
      onCancel={(e) => {
        e.preventDefault();
        onClose();
      }}
      onMouseDown={(e) => {
        if (e.target === ref.current) onClose();
      }}
      className={cx(
        'top-0 bottom-0 m-0 h-dvh max-h-none w-[min(19rem,86vw)] max-w-none animate-slide-in bg-page p-0 text-ink shadow-lift',
        side === 'left' ? 'right-auto left-0' : 'right-0 left-auto bg-paper',
      )}
    >
      <div className="h-full pt-[env(safe-area-inset-top)]">{children}</div>
    </dialog>
  );
}
