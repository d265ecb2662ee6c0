/** The main fields of a plan over its text: both show the same, and what is typed in one is in the other. */
import { useEffect, useRef, useState } from 'react';
import { Checkbox, Select, TextField } from '../../../../shared/ui/form.tsx';
import { changeDraft, valueAt, type FieldPath, type PlanDraft } from './plan-draft.ts';
import { FIELD_GROUPS, type PlanField } from './plan-fields.ts';

interface PlanFormProps {
  readonly text: string;
  readonly draft: PlanDraft;
  readonly onChange: (text: string) => void;
}

export function PlanForm({ text, draft, onChange }: PlanFormProps) {
  return (
    <div className="stack">
      {FIELD_GROUPS.map(({ title, fields }) => (
        <fieldset key={title} className="fieldset">
          <legend>{title}</legend>
          <div className="fields">
            {fields.map((field) => (
              <div key={field.label} className={field.isWide === true ? 'wide-field' : undefined}>
                <PlanFieldInput
                  field={field}
                  draft={draft}
                  onSet={(value) => {
                    onChange(changeDraft(text, field.paths, value));
                  }}
                />
              </div>
            ))}
          </div>
        </fieldset>
      ))}
    </div>
  );
}

interface InputProps {
  readonly field: PlanField;
  readonly draft: PlanDraft;
  readonly onSet: (value: unknown) => void;
}

const asText = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : '';

/** The first problem at the field or below it. */
function problemAt(draft: PlanDraft, [path]: readonly FieldPath[]): string | undefined {
  const name = (path ?? []).join('.');
  return draft.problems.find(({ field }) => field === name || field.startsWith(`${name}.`))?.message;
}

function PlanFieldInput({ field, draft, onSet }: InputProps) {
  const { label, hint, paths } = field;
  const written = valueAt(draft.value, paths[0]);
  const complete = valueAt(draft.plan, paths[0]);
  const problem = problemAt(draft, paths);
  const texts = { label, problem, ...(hint !== undefined && { hint }) };
  switch (field.kind) {
    case 'text':
      return <TextField {...texts} value={asText(written)} onChange={onSet} />;
    case 'list': {
      const list = Array.isArray(written) ? written.map(asText).join(', ') : asText(written);
      return (
        <Typed
          texts={texts}
          shown={list}
          normal={(typed) => listOf(typed).join(', ')}
          onType={(typed) => {
            onSet(listOf(typed));
          }}
        />
      );
    }
    case 'number':
      return <NumberInput {...{ field, texts, written, complete, onSet }} />;
    case 'choice': {
      const value = memberOf(written, field.member) ?? memberOf(complete, field.member) ?? '';
      const options = field.options.some((option) => option.value === value)
        ? field.options
        : [{ value, label: value === '' ? 'not set' : value }, ...field.options];
      const { member, isShort } = field;
      return (
        <Select
          {...texts}
          value={value}
          options={options}
          onChange={(next) => {
            onSet(member === undefined || isShort === true ? next : { [member]: next });
          }}
        />
      );
    }
    case 'yes':
      return (
        <Checkbox
          label={label}
          isChecked={written === true}
          onChange={(isChecked) => {
            onSet(isChecked || undefined);
          }}
        />
      );
  }
}

const listOf = (typed: string): string[] =>
  typed
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

function memberOf(value: unknown, member: string | undefined): string | undefined {
  if (typeof value === 'string') return value;
  const inner = member === undefined ? undefined : valueAt(value, [member]);
  return typeof inner === 'string' ? inner : undefined;
}

interface Texts {
  readonly label: string;
  readonly hint?: string;
  readonly problem: string | undefined;
}

interface NumberProps {
  readonly field: Extract<PlanField, { kind: 'number' }>;
  readonly texts: Texts;
  readonly written: unknown;
  readonly complete: unknown;
  readonly onSet: (value: unknown) => void;
}

/** Without the last digits that come of dividing. */
const shownNumber = (value: number, factor: number): string =>
  String(Number((value / factor).toPrecision(12)));

/** What the plan says for what is typed. What is no number is kept as it is, so that the check can say so. */
function numberOf(typed: string, factor: number): number | string | undefined {
  if (typed.trim() === '') return undefined;
  const number = Number(typed);
  return Number.isFinite(number) ? Number((number * factor).toPrecision(12)) : typed;
}

function NumberInput({ field: { factor = 1 }, texts, written, complete, onSet }: NumberProps) {
  const show = (value: unknown): string =>
    typeof value === 'number' ? shownNumber(value, factor) : asText(value);
  return (
    <Typed
      texts={texts}
      shown={show(written)}
      normal={(typed) => show(numberOf(typed, factor))}
      {...(typeof complete === 'number' && { placeholder: shownNumber(complete, factor) })}
      onType={(typed) => {
        onSet(numberOf(typed, factor));
      }}
    />
  );
}

interface TypedProps {
  readonly texts: Texts;
  /** What the plan says now. */
  readonly shown: string;
  /** How what is typed will be shown once the plan says it. */
  readonly normal: (typed: string) => string;
  readonly placeholder?: string;
  readonly onType: (typed: string) => void;
}

/** Keeps what is being typed as it is typed (`1.`, `a, `) until the plan says something else. */
function Typed({ texts, shown, normal, placeholder, onType }: TypedProps) {
  const [typed, setTyped] = useState(shown);
  const latest = useRef({ typed, normal });
  useEffect(() => {
    latest.current = { typed, normal };
  });
  useEffect(() => {
    const { typed: present, normal: normalised } = latest.current;
    if (normalised(present) !== shown) setTyped(shown);
  }, [shown]);
  return (
    <TextField
      {...texts}
      value={typed}
      {...(placeholder !== undefined && { placeholder })}
      onChange={(next) => {
        setTyped(next);
        onType(next);
      }}
    />
  );
}
