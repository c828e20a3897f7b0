import { useEffect, useId, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';
import { cx } from './cx';
import { Icon, type IconName } from './Icon';

interface MenuProps {
  label: string;
  button: ReactNode;
  buttonClass?: string;
  panelClass?: string;
  children: (close: () => void) => ReactNode;
}

/** A button and the menu it opens: arrows move, Escape and a click outside close, the focus goes back. */
export function Menu({ label, button, buttonClass, panelClass, children }: MenuProps) {
  const [open, setOpen] = useState(false);
  const id = useId();
  const buttonRef = useRef<HTMLButtonElement>(null);
  const panelRef = useRef<HTMLDivElement>(null);

  const close = () => setOpen(false);

  useEffect(() => {
    if (!open) return;
    const button = buttonRef.current;
    panelRef.current?.querySelector<HTMLElement>('[role^=menuitem]')?.focus();
    const outside = (e: PointerEvent) => {
      const target = e.target as Node;
      if (!panelRef.current?.contains(target) && !buttonRef.current?.contains(target)) setOpen(false);
    };
    document.addEventListener('pointerdown', outside);
    return () => {
      document.removeEventListener('pointerdown', outside);
      // The focus was in the menu, which is gone now.
      if (document.activeElement === document.body) button?.focus();
    };
  }, [open]);

  const onKeyDown = (e: KeyboardEvent) => {
    const items = Array.from(panelRef.current?.querySelectorAll<HTMLElement>('[role^=menuitem]') ?? []);
    const at = items.indexOf(document.activeElement as HTMLElement);
    const go = (to: number) => {
      e.preventDefault();
      items[(to + items.length) % items.length]?.focus();
    };
    if (e.key === 'ArrowDown') go(at + 1);
    else if (e.key === 'ArrowUp') go(at - 1);
    else if (e.key === 'Home') go(0);
    else if (e.key === 'End') go(items.length - 1);
    else if (e.key === 'Escape') {
      e.stopPropagation();
      e.preventDefault();
      close();
    } else if (e.key === 'Tab') setOpen(false);
  };

  return (
    <div className="relative">
      <button
        ref={buttonRef}
        type="button"
        aria-haspopup="menu"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        aria-label={label}
        onClick={() => setOpen(!open)}
        className={buttonClass}
      >
        {button}
      </button>
      {open ? (
        <div
          ref={panelRef}
          id={id}
          role="menu"
          aria-label={label}
          onKeyDown={onKeyDown}
          className={cx(
            'absolute z-30 min-w-52 animate-rise rounded-lg border border-line bg-raised p-1.5 shadow-lift',
            panelClass,
          )}
        >
          {children(close)}
        </div>
      ) : null}
    </div>
  );
}

interface MenuItemProps {
  icon?: IconName;
  onSelect: () => void;
  children: ReactNode;
  danger?: boolean;
  /** A choice among several, and whether it is the chosen one. */
  checked?: boolean;
}

export function MenuItem({ icon, onSelect, children, danger = false, checked }: MenuItemProps) {
  return (
    <button
      type="button"
      role={checked === undefined ? 'menuitem' : 'menuitemradio'}
      aria-checked={checked}
      tabIndex={-1}
      onClick={onSelect}
      className={cx(
        'tap flex w-full items-center gap-2.5 rounded-md px-2.5 text-left text-sm ring-inside hover:bg-page focus-visible:bg-page',
        danger ? 'text-danger' : 'text-ink',
      )}
    >
      {icon ? <Icon name={icon} className={danger ? '' : 'text-ink-2'} /> : null}
      <span className="flex-1">{children}</span>
      {checked ? <Icon name="check" className="size-4.5 text-accent" /> : null}
    </button>
  );
}
