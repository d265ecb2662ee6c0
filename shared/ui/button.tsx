/** What is pressed. A control that may not be used stays reachable by keyboard and says why. */
import { useId, type ReactNode } from 'react';

export interface ButtonProps {
  readonly children: ReactNode;
  readonly onPress?: () => void;
  readonly kind?: 'plain' | 'primary' | 'danger' | 'danger-primary' | 'quiet';
  readonly size?: 'usual' | 'small';
  readonly type?: 'button' | 'submit';
  /** Something is under way: it cannot be pressed again. */
  readonly isBusy?: boolean | undefined;
  /** Why it cannot be used now or by this person; undefined: it can. */
  readonly disabledReason?: string | undefined;
  /** Where the words of the button alone do not say what it is for. */
  readonly label?: string | undefined;
  readonly isPressed?: boolean;
  readonly controls?: string;
  readonly isExpanded?: boolean;
  readonly className?: string;
}

const KIND_CLASSES = {
  plain: '',
  primary: 'primary',
  danger: 'danger',
  'danger-primary': 'danger primary',
  quiet: 'quiet',
} as const;

export function Button(props: ButtonProps) {
  const { children, onPress, kind = 'plain', size = 'usual', type = 'button', className = '' } = props;
  const { isBusy = false, disabledReason, label } = props;
  const reasonId = useId();
  const isOff = isBusy || disabledReason !== undefined;
  return (
    <>
      <button
        type={type}
        className={['button', KIND_CLASSES[kind], size === 'small' ? 'small' : '', className].join(' ')}
        aria-disabled={isOff || undefined}
        aria-busy={isBusy || undefined}
        aria-label={label}
        aria-pressed={props.isPressed}
        aria-controls={props.controls}
        aria-expanded={props.isExpanded}
        aria-describedby={disabledReason === undefined ? undefined : reasonId}
        title={disabledReason}
        onClick={(event) => {
          if (isOff) event.preventDefault();
          else onPress?.();
        }}
      >
        {children}
      </button>
      {disabledReason !== undefined && (
        <span id={reasonId} className="visually-hidden">
          {disabledReason}
        </span>
      )}
    </>
  );
}
