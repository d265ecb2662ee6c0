/** Tabs (WAI-ARIA Authoring Practices, "Tabs" with automatic activation): arrows move, only one is in the tab order. */
import { useId, useState, type KeyboardEvent, type ReactNode } from 'react';

export interface Tab {
  readonly key: string;
  readonly label: string;
  readonly content: () => ReactNode;
}

export interface TabsProps {
  readonly label: string;
  readonly tabs: readonly Tab[];
  readonly initial?: string;
}

const STEPS: Readonly<Record<string, number>> = { ArrowRight: 1, ArrowLeft: -1 };

export function Tabs({ label, tabs, initial }: TabsProps) {
  const [chosen, setChosen] = useState(initial ?? tabs[0]?.key);
  const id = useId();
  const index = Math.max(
    0,
    tabs.findIndex(({ key }) => key === chosen),
  );
  const tabId = (key: string): string => `${id}-${key}`;
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = STEPS[event.key];
    const target =
      event.key === 'Home'
        ? 0
        : event.key === 'End'
          ? tabs.length - 1
          : step === undefined
            ? -1
            : index + step;
    const next = tabs[(target + tabs.length) % tabs.length];
    if (!next || (target === -1 && step === undefined)) return;
    event.preventDefault();
    setChosen(next.key);
    document.getElementById(tabId(next.key))?.focus();
  };
  return (
    <div>
      <div className="tabs" role="tablist" aria-label={label} onKeyDown={onKeyDown}>
        {tabs.map(({ key, label: words }, i) => (
          <button
            key={key}
            id={tabId(key)}
            type="button"
            className="tab"
            role="tab"
            aria-selected={i === index}
            aria-controls={`${id}-panel`}
            tabIndex={i === index ? 0 : -1}
            onClick={() => {
              setChosen(key);
            }}
          >
            {words}
          </button>
        ))}
      </div>
      <div
        className="tab-panel"
        role="tabpanel"
        id={`${id}-panel`}
        aria-labelledby={tabId(tabs[index]?.key ?? '')}
      >
        {tabs[index]?.content()}
      </div>
    </div>
  );
}
