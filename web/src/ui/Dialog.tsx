import { useEffect, useId, useRef, type ReactNode, type RefObject } from 'react';
import { IconButton } from './Button';
import { cx } from './cx';

interface DialogProps {
  title: ReactNode;
  onClose: () => void;
  children: ReactNode;
  /** What gets the focus at first; without it the browser takes the first thing that can. */
  initialFocus?: RefObject<HTMLElement | null>;
  description?: ReactNode;
  className?: string;
  /** The title is read, but not shown. */
  bare?: boolean;
}

/** The browser's own modal dialog: it keeps the focus inside, closes on Escape and makes the rest inert. It exists
 * only while it is open, and hands the focus back to what had it before. */
export function Dialog({ title, onClose, children, initialFocus, description, className, bare = false }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();

  useEffect(() => {
    const dialog = ref.current;
    if (!dialog) return;
    const opener = document.activeElement;
    if (!dialog.open) dialog.showModal();
    initialFocus?.current?.focus();
    return () => {
      if (dialog.open) dialog.close();
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, [initialFocus]);

  return (
    <dialog
      ref={ref}
      aria-modal="true"
      aria-labelledby={`${id}-title`}
      aria-describedby={description ? `${id}-description` : undefined}
      onCancel={(e) => {
        e.preventDefault(); // React takes the dialog away; the browser must not do it behind its back
        onClose();
      }}
      onMouseDown={(e) => {
        if (e.target === ref.current) onClose(); // the backdrop
      }}
      className={cx(
        'm-auto max-h-[calc(100dvh-2rem)] w-[calc(100vw-2rem)] animate-rise overflow-hidden rounded-xl bg-raised p-0 text-ink shadow-lift',
        'border border-line',
        className ?? 'max-w-md',
      )}
    >
      <div className="flex max-h-[calc(100dvh-2rem)] flex-col">
        <div className={bare ? 'sr-only' : 'flex items-center justify-between gap-3 px-5 pt-3 pb-1 sm:px-6 sm:pt-4'}>
          <div className="min-w-0">
            <h2 id={`${id}-title`} className="text-lg font-bold tracking-tight break-words">
              {title}
            </h2>
            {description ? (
              <p id={`${id}-description`} className="mt-1 text-sm text-ink-2">
                {description}
              </p>
            ) : null}
          </div>
          {bare ? null : <IconButton label="Close" icon="close" onClick={onClose} className="-mr-2" />}
        </div>
        {children}
      </div>
    </dialog>
  );
}

export function DialogBody({ children, className }: { children: ReactNode; className?: string }) {
  return <div className={cx('thin-scroll min-h-0 flex-1 overflow-y-auto px-5 py-3 sm:px-6', className)}>{children}</div>;
}

export function DialogActions({ children }: { children: ReactNode }) {
  return <div className="flex flex-wrap justify-end gap-2 px-5 pt-2 pb-5 sm:px-6">{children}</div>;
}
