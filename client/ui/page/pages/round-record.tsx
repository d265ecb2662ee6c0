/** One round of the record in full: sentences for people, and every message with its digest. */
import { DataTable } from '../../../../shared/ui/data-table.tsx';
import { KeyValues } from '../../../../shared/ui/panels.tsx';
import { Bytes, Hash, Time } from '../../../../shared/ui/values.tsx';
import type { EgressView } from '../../views.ts';

export function RoundRecord({ round }: { readonly round: EgressView }) {
  const { words, sent, planHash, receipt, protection } = round;
  return (
    <div className="stack">
      <div className="sentences">
        {words.map((sentence) => (
          <p key={sentence}>{sentence}</p>
        ))}
      </div>
      {sent.length > 0 && (
        <DataTable
          caption="Messages that were sent in this round"
          rows={sent}
          rowKey={({ what, sha512 }) => `${what} ${sha512}`}
          empty={null}
          columns={[
            {
              key: 'words',
              header: 'What',
              isRowHeader: true,
              wraps: true,
              cell: (message) => message.words,
            },
            {
              key: 'bytes',
              header: 'Size',
              width: 100,
              isNumber: true,
              cell: ({ bytes }) => <Bytes value={bytes} />,
            },
            {
              key: 'time',
              header: 'When',
              width: 236,
              cell: ({ time }) => <Time at={time} parts="second" />,
            },
            {
              key: 'hash',
              header: 'SHA-512',
              width: 190,
              cell: ({ sha512 }) => <Hash value={sha512} what="SHA-512 of the message" />,
            },
          ]}
        />
      )}
      <KeyValues
        pairs={[
          ['Plan', <Hash key="plan" value={planHash} what="hash of the plan" chars={16} />],
          ['Protection', protection ?? 'none'],
          [
            'Published model',
            receipt ? (
              <Hash key="model" value={receipt.newModelHash} what="hash of the model" chars={16} />
            ) : undefined,
          ],
          [
            'Receipt',
            receipt ? (
              <span key="file" className="mono">
                receipts/{receipt.file}
              </span>
            ) : undefined,
          ],
          ['To stop', 'under Now: Stop. To allow the plan no longer: under Plans, Withdraw.'],
        ]}
      />
    </div>
  );
}
