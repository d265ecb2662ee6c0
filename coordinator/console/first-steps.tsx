/** For a federation without sites: what to do, in order. */
import { Link } from 'wouter';
import { Card } from '../../shared/ui/panels.tsx';

export function FirstSteps() {
  return (
    <Card title="Begin here" detail="Four steps from an empty coordinator to a model.">
      <ol className="steps">
        <li>
          <Link href="/sites">Invite the sites</Link>: each gets a text that works once; it joins with{' '}
          <code>site enroll</code>.
        </li>
        <li>
          <Link href="/sites">Approve them</Link>, after comparing the fingerprint of each with the one that
          its hospital sees.
        </li>
        <li>
          <Link href="/plans">Add a plan</Link>: what is trained, and how. Every site reads and approves it by
          itself.
        </li>
        <li>
          <Link href="/runs">Add a run</Link> of the plan. It begins as soon as enough sites are online.
        </li>
      </ol>
    </Card>
  );
}
