/** Fields with a label, a hint and what is wrong with them, each tied to its control for screen readers. */
import { useId, type ReactNode, type SubmitEvent } from 'react';
import { explain } from './query.ts';

interface FieldProps {
  readonly label: string;
  readonly hint?: ReactNode;
  readonly problem?: string | undefined;
}

interface Wiring {
  readonly id: string;
  readonly 'aria-describedby': string | undefined;
  readonly 'aria-invalid': true | undefined;
}

/** Label, hint and problem around any control. */
export function Field({
  label,
  hint,
  problem,
  children,
}: FieldProps & { readonly children: (wiring: Wiring) => ReactNode }) {
  const id = useId();
  const described = [
    hint === undefined ? [] : `${id}-hint`,
    problem === undefined ? [] : `${id}-problem`,
  ].flat();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({
        id,
        'aria-describedby': described.length > 0 ? described.join(' ') : undefined,
        'aria-invalid': problem === undefined ? undefined : true,
      })}
      {hint !== undefined && (
        <span id={`${id}-hint`} className="hint">
          {hint}
        </span>
      )}
      {problem !== undefined && (
        <span id={`${id}-problem`} className="problem" role="alert">
          {problem}
        </span>
      )}
    </div>
  );
}

interface TextProps extends FieldProps {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly placeholder?: string;
  readonly isReadOnly?: boolean;
}

export interface TextFieldProps extends TextProps {
  readonly type?: 'text' | 'password' | 'search' | 'number' | 'date' | 'datetime-local';
  readonly autoComplete?: string;
  readonly isRequired?: boolean;
  readonly min?: number;
  readonly max?: number;
  readonly step?: number | 'any';
}

export function TextField(props: TextFieldProps) {
  const { value, onChange, type = 'text', autoComplete = 'off', isRequired, min, max, step } = props;
  return (
    <Field label={props.label} hint={props.hint} problem={props.problem}>
      {(wiring) => (
        <input
          {...wiring}
          {...{ type, value, autoComplete, min, max, step }}
          className="input"
          required={isRequired}
          readOnly={props.isReadOnly}
          placeholder={props.placeholder}
          spellCheck={false}
          onChange={(event) => {
            onChange(event.target.value);
          }}
        />
      )}
    </Field>
  );
}

export interface Option<Value extends string> {
  readonly value: Value;
  readonly label: string;
}

export interface SelectProps<Value extends string> extends FieldProps {
  readonly value: Value;
  readonly options: readonly Option<Value>[];
  readonly onChange: (value: Value) => void;
}

export function Select<Value extends string>(props: SelectProps<Value>) {
  const { options, onChange } = props;
  return (
    <Field label={props.label} hint={props.hint} problem={props.problem}>
      {(wiring) => (
        <select
          {...wiring}
          className="input"
          value={props.value}
          onChange={(event) => {
            const chosen = options.find(({ value }) => value === event.target.value);
            if (chosen) onChange(chosen.value);
          }}
        >
          {options.map(({ value, label }) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

export interface CheckboxProps {
  readonly label: ReactNode;
  readonly isChecked: boolean;
  readonly onChange: (isChecked: boolean) => void;
}

export function Checkbox({ label, isChecked, onChange }: CheckboxProps) {
  return (
    <label className="check">
      <input
        type="checkbox"
        checked={isChecked}
        onChange={(event) => {
          onChange(event.target.checked);
        }}
      />
      <span>{label}</span>
    </label>
  );
}

export interface FormProps {
  readonly onSubmit: () => void;
  readonly children: ReactNode;
  /** What the last try came to. */
  readonly error?: unknown;
  readonly label?: string;
}

export function Form({ onSubmit, children, error, label }: FormProps) {
  return (
    <form
      className="form"
      noValidate
      aria-label={label}
      onSubmit={(event: SubmitEvent<HTMLFormElement>) => {
        event.preventDefault();
        onSubmit();
      }}
    >
      {children}
      {error !== undefined && error !== null && (
        <div className="note bad" role="alert">
          <p>{explain(error).message}</p>
          <p>{explain(error).advice}</p>
        </div>
      )}
    </form>
  );
}
