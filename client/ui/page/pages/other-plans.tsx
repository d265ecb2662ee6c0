/** Plans that are approved here and that the coordinator does not offer: only their hashes are known. */
import { useState } from 'react';
import { Button } from '../../../../shared/ui/button.tsx';
import { Card } from '../../../../shared/ui/panels.tsx';
import { Hash } from '../../../../shared/ui/values.tsx';
import { useRefusal } from '../session.tsx';
import { WithdrawDialog } from './withdraw-dialog.tsx';

export function OtherPlans({ hashes }: { readonly hashes: readonly string[] }) {
  const [asked, setAsked] = useState<string>();
  const refusal = useRefusal();
  if (hashes.length === 0) return null;
  return (
    <Card
      title="Approved here, not offered at the moment"
      detail="The coordinator does not offer these plans, or cannot be asked. The approval holds until it is withdrawn."
    >
      <ul className="plain-list">
        {hashes.map((hash) => (
          <li key={hash} className="cluster spread">
            <Hash value={hash} what="hash of the plan" chars={24} />
            <Button
              size="small"
              disabledReason={refusal}
              label={`Withdraw plan ${hash.slice(0, 8)}`}
              onPress={() => {
                setAsked(hash);
              }}
            >
              Withdraw
            </Button>
          </li>
        ))}
      </ul>
      {asked !== undefined && (
        <WithdrawDialog
          planHash={asked}
          name={asked.slice(0, 12)}
          onClose={() => {
            setAsked(undefined);
          }}
        />
      )}
    </Card>
  );
}
