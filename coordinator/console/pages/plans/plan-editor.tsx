/** A new plan: as a form or as text, checked while it is typed, in plain language beside it. */
import { useEffect, useMemo, useState } from 'react';
import { useLocation } from 'wouter';
import { systemClock } from '../../../../shared/clock.ts';
import { Page } from '../../../../shared/ui/app-shell.tsx';
import { Button } from '../../../../shared/ui/button.tsx';
import { useAct, useGet } from '../../../../shared/ui/data.tsx';
import { Card } from '../../../../shared/ui/panels.tsx';
import { Loaded } from '../../../../shared/ui/states.tsx';
import { Tabs } from '../../../../shared/ui/tabs.tsx';
import type { Plan } from '../../../../shared/protocol/plan-schema.ts';
import { NEW_PLAN, planPath } from '../../run-paths.ts';
import { useRefusal, useSession } from '../../session.tsx';
import { CodeArea, type Place } from './code-area.tsx';
import { PlanCheck } from './plan-check.tsx';
import { useKeptText } from './kept-text.ts';
import { NEW_PLAN_TEXT, readDraft } from './plan-draft.ts';
import { PlanForm } from './plan-form.tsx';
import './plans.css';

const PARENT = { path: '/plans', label: 'Plans' };
/** From the last key until the text is checked. */
const CHECK_AFTER_MS = 250;

/** @param from hash of the plan that the new one begins with */
export function PlanEditorPage({ from }: { readonly from?: string }) {
  if (from === undefined) return <Editor name="new" initialText={NEW_PLAN_TEXT} base={undefined} />;
  return <VersionEditor from={from} />;
}

function VersionEditor({ from }: { readonly from: string }) {
  const base = useGet(planPath(from), []);
  if (base.data) return <Editor name={from} initialText={base.data.text} base={base.data.plan} />;
  return (
    <Page title="New version" parent={PARENT}>
      <Loaded query={base} what="The plan to begin with" rows={10} rowHeight={44}>
        {() => null}
      </Loaded>
    </Page>
  );
}

/** The value as it was when nothing has changed it for a while. */
function useSettled<T>(value: T, afterMs: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(
    () =>
      systemClock.schedule(afterMs, () => {
        setSettled(value);
      }),
    [value, afterMs],
  );
  return settled;
}

interface EditorProps {
  /** Of what the text begins with. */
  readonly name: string;
  readonly initialText: string;
  readonly base: Plan | undefined;
}

function Editor({ name, initialText, base }: EditorProps) {
  const { user } = useSession().session;
  const [, navigate] = useLocation();
  const { text, isChanged, setText, startOver } = useKeptText(`${user} ${name}`, initialText);
  const [place, setPlace] = useState<Place>();
  const refusal = useRefusal('addPlan');
  const settled = useSettled(text, CHECK_AFTER_MS);
  const draft = useMemo(() => readDraft(settled), [settled]);
  // The form shows what is typed at once; only the check waits.
  const present = useMemo(() => (text === settled ? draft : readDraft(text)), [text, settled, draft]);
  const add = useAct((api, written: string) => api.send('post', NEW_PLAN, { text: written }), {
    done: ({ plan }) => `The plan “${plan.task.name}” is added. Sites can approve it now.`,
    then: ({ planHash }) => {
      startOver();
      navigate(`/plans/${planHash}`);
    },
  });
  const problem = present.problems[0];
  const reason =
    refusal ??
    (problem === undefined
      ? undefined
      : `Correct ${problem.field === '' ? 'the text' : problem.field} first: ${problem.message}`);
  return (
    <Page
      title={base === undefined ? 'New plan' : 'New version'}
      parent={PARENT}
      lead="Nothing of a plan can be changed once it is added: another version is another plan, which sites approve anew."
      actions={
        <>
          <Button
            kind="quiet"
            disabledReason={isChanged ? undefined : 'Nothing has been changed'}
            onPress={startOver}
          >
            Start over
          </Button>
          <Button
            kind="primary"
            isBusy={add.isBusy}
            disabledReason={reason}
            onPress={() => {
              add.start(text);
            }}
          >
            Add plan
          </Button>
        </>
      }
    >
      <div className="columns-main plan-editor">
        <Card title="Plan" detail="YAML or JSON. What is left out has its default.">
          <Tabs
            // Going to a line means the text, whatever is shown.
            key={place?.visit ?? 0}
            initial={place === undefined ? 'form' : 'text'}
            label="Ways to write the plan"
            tabs={[
              {
                ...{ key: 'form', label: 'Main fields' },
                content: () => <PlanForm text={text} draft={present} onChange={setText} />,
              },
              {
                ...{ key: 'text', label: 'Text' },
                content: () => (
                  <CodeArea
                    label="Text of the plan"
                    text={text}
                    onChange={setText}
                    place={place}
                    problemLines={draft.problems.flatMap(({ line }) => line ?? [])}
                  />
                ),
              },
            ]}
          />
        </Card>
        <PlanCheck
          text={settled}
          draft={draft}
          base={base}
          onGo={(line) => {
            setPlace((before) => ({ line, visit: (before?.visit ?? 0) + 1 }));
          }}
        />
      </div>
    </Page>
  );
}
