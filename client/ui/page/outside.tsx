/** What is shown to whoever has no session: why, and what to do. */
import { useEffect } from 'react';
import { Button } from '../../../shared/ui/button.tsx';
import { Mark } from '../../../shared/ui/icons.tsx';
import './outside.css';

export type OutsideReason =
  | 'no-link'
  | 'wrong-link'
  | 'too-many'
  | 'unreachable'
  /** The agent has ended. */
  | 'ended'
  /** The person has closed the session. */
  | 'left';

interface Words {
  readonly title: string;
  readonly text: string;
  readonly command?: string;
}

const LINKS = 'consilium site page';

const WORDS: Readonly<Record<OutsideReason, Words>> = {
  'no-link': {
    title: 'Open this page by its link',
    text: 'The page of a site is opened with a link that the agent prints when it starts. It is printed again by:',
    command: LINKS,
  },
  'wrong-link': {
    title: 'This link is not valid any more',
    text: 'Links are made anew whenever the agent starts. The present ones are printed by:',
    command: LINKS,
  },
  'too-many': {
    title: 'Too many wrong links',
    text: 'Wait a minute, then open the link again. The present links are printed by:',
    command: LINKS,
  },
  unreachable: {
    title: 'The agent does not answer',
    text: 'It may have been stopped. On the machine of the hospital it is started, with a new link to this page, by:',
    command: 'consilium site start',
  },
  ended: {
    title: 'The agent has stopped',
    text: 'This site takes part in nothing until the agent is started again; then it prints a new link to this page:',
    command: 'consilium site start',
  },
  left: {
    title: 'This session is closed',
    text: 'Open the link again to come back. Links are printed by:',
    command: LINKS,
  },
};

export function Outside({
  reason,
  onRetry,
}: {
  readonly reason: OutsideReason;
  readonly onRetry: () => void;
}) {
  const { title, text, command } = WORDS[reason];
  useEffect(() => {
    document.title = `${title} · Consilium`;
  }, [title]);
  return (
    <main className="outside">
      <div className="card outside-card">
        <div className="outside-mark">
          <Mark size={34} />
          <span>Consilium site</span>
        </div>
        <h1>{title}</h1>
        <p>{text}</p>
        {command !== undefined && <pre>{command}</pre>}
        <p className="quiet small">
          Where the folder of the site is not the usual one, add <code>--dir</code> and its path.
        </p>
        <div className="cluster">
          <Button kind="primary" onPress={onRetry}>
            Try again
          </Button>
        </div>
      </div>
    </main>
  );
}
