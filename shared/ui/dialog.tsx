/** Dialogs on the browser's own element, which keeps the focus inside and gives it back. */
import { useId, useLayoutEffect, useRef, useState, type ReactNode } from 'react';
import { Button } from './button.tsx';
import { Icon } from './icons.tsx';
import { explain } from './query.ts';

export interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
  readonly isWide?: boolean;
}

/** Open as long as it is rendered. */
export function Dialog({ title, onClose, children, isWide = false }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  // A layout effect ends while the dialog is still in the document: closing it there gives the focus back.
  useLayoutEffect(() => {
    const dialog = element.current;
    if (dialog && !dialog.open) {
      dialog.showModal();
      // What is to be filled in, rather than the button that closes.
      dialog.querySelector<HTMLElement>('.dialog-body :is(input, select, textarea)')?.focus();
    }
    return () => {
      dialog?.close();
    };
  }, []);
  return (
    <dialog
      ref={element}
      className={isWide ? 'dialog wide' : 'dialog'}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <div className="dialog-head">
        <h2 id={id}>{title}</h2>
        <Button kind="quiet" className="icon" label="Close" onPress={onClose}>
          <Icon name="close" />
        </Button>
      </div>
      <div className="dialog-body">{children}</div>
    </dialog>
  );
}

export interface ConfirmProps {
  readonly title: string;
  /** What happens, and what cannot be undone. */
  readonly children: ReactNode;
  /** What it does: `Remove site`, never `OK`. */
  readonly action: string;
  readonly isDangerous?: boolean;
  /** Typed before the action is possible: for what cannot be undone. */
  readonly typed?: string;
  readonly onConfirm: () => Promise<unknown>;
  readonly onClose: () => void;
}

/** Asks before something is done, and stays open with the reason where that fails. */
export function Confirm(props: ConfirmProps) {
  const { title, children, action, isDangerous = false, typed, onConfirm, onClose } = props;
  const [text, setText] = useState('');
  const [state, setState] = useState<{ readonly isBusy: boolean; readonly error?: unknown }>({
    isBusy: false,
  });
  const id = useId();
  const confirm = (): void => {
    setState({ isBusy: true });
    onConfirm().then(onClose, (error: unknown) => {
      setState({ isBusy: false, error });
    });
  };
  return (
    <Dialog title={title} onClose={onClose}>
      {children}
      {typed !== undefined && (
        <div className="field">
          <label htmlFor={id}>
            Type <span className="mono">{typed}</span> to go on
          </label>
          <input
            id={id}
            className="input"
            value={text}
            autoComplete="off"
            spellCheck={false}
            onChange={(event) => {
              setText(event.target.value);
            }}
          />
        </div>
      )}
      {state.error !== undefined && (
        <div className="note bad" role="alert">
          <p>{explain(state.error).message}</p>
          <p>{explain(state.error).advice}</p>
        </div>
      )}
      <div className="dialog-foot">
        <Button onPress={onClose}>Cancel</Button>
        <Button
          kind={isDangerous ? 'danger-primary' : 'primary'}
          isBusy={state.isBusy}
          disabledReason={typed !== undefined && typed !== text ? `Type ${typed} first` : undefined}
          onPress={confirm}
        >
          {action}
        </Button>
      </div>
    </Dialog>
  );
}
