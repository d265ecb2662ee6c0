/** Asks before an approval is taken back, and says what that does not undo. */
import { useAct } from '../../../../shared/ui/data.tsx';
import { Confirm } from '../../../../shared/ui/dialog.tsx';
import { refusePath } from '../paths.ts';

interface WithdrawProps {
  readonly planHash: string;
  readonly name: string;
  readonly onClose: () => void;
}

export function WithdrawDialog({ planHash, name, onClose }: WithdrawProps) {
  const withdraw = useAct((api) => api.send('post', refusePath(planHash), {}), {
    done: () => 'The plan is withdrawn.',
  });
  return (
    <Confirm
      title={`Withdraw plan ${name}?`}
      action="Withdraw plan"
      isDangerous
      onConfirm={() => withdraw.run()}
      onClose={onClose}
    >
      <p>
        From the next round on this site refuses this plan. A round that it has agreed to already is finished.
      </p>
      <p>
        Past contributions are not taken back: what earlier rounds have learned with this site stays in the
        published models. The ledger and the receipts say which rounds these are.
      </p>
    </Confirm>
  );
}
