/** What left the hospital: round by round, in words and bytes, with the coordinator's signed receipt. */
import { useState } from 'react';
import { Page } from '../../../../shared/ui/app-shell.tsx';
import { Button } from '../../../../shared/ui/button.tsx';
import { DataTable } from '../../../../shared/ui/data-table.tsx';
import { useGet } from '../../../../shared/ui/data.tsx';
import { Dialog } from '../../../../shared/ui/dialog.tsx';
import { Badge, Card, Figures, Note } from '../../../../shared/ui/panels.tsx';
import { Empty, Loaded } from '../../../../shared/ui/states.tsx';
import { Bytes, Count, Time } from '../../../../shared/ui/values.tsx';
import type { EgressView, ReceiptsView } from '../../views.ts';
import { RECEIPTS } from '../paths.ts';
import { RoundRecord } from './round-record.tsx';

export function ReceiptsPage() {
  const query = useGet(RECEIPTS, ['receipts']);
  return (
    <Page
      title="What left us"
      lead="Every message with content that this hospital has sent. It stands in the ledger before it is sent; what cannot be entered is not sent."
    >
      <Loaded query={query} what="What left the hospital" rows={6} rowHeight={44}>
        {(receipts) => <Receipts receipts={receipts} />}
      </Loaded>
    </Page>
  );
}

function Receipts({ receipts }: { readonly receipts: ReceiptsView }) {
  const [shown, setShown] = useState<EgressView>();
  const { rounds, totalBytes, publishedRounds, epsilon, faults } = receipts;
  return (
    <>
      {faults.length > 0 && (
        <Note tone="bad" title="Some receipts prove nothing">
          {faults.map((fault) => (
            <p key={fault}>{fault}</p>
          ))}
        </Note>
      )}
      <Figures
        figures={[
          { name: 'Sent in all', value: <Bytes value={totalBytes} />, detail: 'changes of models and keys' },
          { name: 'Images sent', value: '0', detail: 'images never leave this machine' },
          {
            name: 'Published with us',
            value: <Count value={publishedRounds} />,
            detail: 'rounds with a good receipt',
          },
          { name: 'Privacy loss (ε)', value: 'none', detail: epsilon },
        ]}
      />
      <Card title="Rounds" detail="Newest first." isFlush>
        <DataTable
          caption="What left the hospital in each round"
          rows={rounds}
          rowKey={({ runId, round, attempt }) => `${runId} ${String(round)} ${String(attempt)}`}
          empty={
            <Empty title="Nothing has left this hospital">
              When the site takes part in a round, what it sends is listed here.
            </Empty>
          }
          columns={[
            {
              key: 'run',
              header: 'Run',
              isRowHeader: true,
              width: 130,
              cell: ({ runId }) => runId,
              sortBy: ({ runId }) => runId,
            },
            {
              ...{ key: 'round', header: 'Round', width: 90, isNumber: true },
              cell: roundName,
              sortBy: ({ round }) => round,
            },
            {
              ...{ key: 'time', header: 'Last act', width: 236 },
              cell: ({ time }) => <Time at={time} parts="second" />,
              sortBy: ({ time }) => time,
            },
            {
              ...{ key: 'bytes', header: 'Sent', width: 110, isNumber: true },
              cell: ({ bytes }) => <Bytes value={bytes} />,
              sortBy: ({ bytes }) => bytes,
            },
            { key: 'state', header: 'Receipt', cell: (round) => <ReceiptState round={round} /> },
            {
              ...{ key: 'more', header: 'Details', width: 110 },
              cell: (round) => (
                <Button
                  size="small"
                  label={`Details of run ${round.runId}, round ${roundName(round)}`}
                  onPress={() => {
                    setShown(round);
                  }}
                >
                  Details
                </Button>
              ),
            },
          ]}
        />
      </Card>
      {shown && (
        <Dialog
          title={`Run ${shown.runId}, round ${roundName(shown)}`}
          isWide
          onClose={() => {
            setShown(undefined);
          }}
        >
          <RoundRecord round={shown} />
        </Dialog>
      )}
    </>
  );
}

/** Round 0 is the round of counts. */
const roundName = ({ round, attempt }: EgressView): string =>
  `${round === 0 ? 'counts' : String(round)}${attempt > 1 ? ` (${String(attempt)})` : ''}`;

function ReceiptState({ round }: { readonly round: EgressView }) {
  const { receipt, refused, failed, sent } = round;
  if (receipt) {
    if (receipt.fault !== null) return <Badge tone="bad">proves nothing</Badge>;
    return (
      <span className="cluster">
        <Badge tone="good">signed</Badge>
        <span className="quiet">{String(receipt.survivors)} sites</span>
      </span>
    );
  }
  if (refused !== null) return <Badge tone="warn">refused here</Badge>;
  if (failed) return <Badge tone="warn">training failed</Badge>;
  return <Badge>{sent.length > 0 ? 'none yet' : 'nothing sent'}</Badge>;
}
