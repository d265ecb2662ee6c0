/** Whether the ledger is what was written: followed from its beginning, by the coordinator, when somebody asks. */
import { Button } from '../../../shared/ui/button.tsx';
import { useGet } from '../../../shared/ui/data.tsx';
import { count, counted } from '../../../shared/ui/format.ts';
import { Card, Note } from '../../../shared/ui/panels.tsx';
import { ErrorPanel } from '../../../shared/ui/states.tsx';
import { Time } from '../../../shared/ui/values.tsx';
import { LEDGER_VERIFICATION } from '../paths.ts';

export function LedgerVerification() {
  const { data, error, isFetching, refetch, dataUpdatedAt } = useGet(LEDGER_VERIFICATION, [], {
    isWanted: false,
  });
  const verify = (): void => {
    void refetch();
  };
  return (
    <Card
      title="Verification"
      detail="Follows every hash and every signature from the first entry on. Keep the number and hash of the last entry somewhere else: only so does it show when the last ones are removed."
      actions={
        <Button kind="primary" isBusy={isFetching} onPress={verify}>
          {isFetching ? 'Verifying…' : 'Verify now'}
        </Button>
      }
    >
      {error !== null ? (
        <ErrorPanel error={error} what="The verification" onRetry={verify} />
      ) : data === undefined ? (
        <p className="quiet">Not verified since this page was opened.</p>
      ) : data.brokenAt === null ? (
        <Note tone="good" isLive title={`The ledger is whole: ${counted(data.entries, 'entry', 'entries')}.`}>
          <p>
            Verified <Time at={dataUpdatedAt} parts="second" />.
          </p>
        </Note>
      ) : (
        <Note tone="bad" isLive title={`The ledger is broken at entry ${count(data.brokenAt)}.`}>
          <p>
            That entry, or one before it, is not what was written. Keep a copy of the coordinator’s folder as
            it is now, and compare with an older export.
          </p>
        </Note>
      )}
    </Card>
  );
}
