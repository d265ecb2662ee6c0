/** Everything that this site has done, entry by entry, and whether the whole chain is as it was written. */
import { useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Page } from '../../../../shared/ui/app-shell.tsx';
import { Button } from '../../../../shared/ui/button.tsx';
import { DataTable } from '../../../../shared/ui/data-table.tsx';
import { useAct, useApi } from '../../../../shared/ui/data.tsx';
import { TextField } from '../../../../shared/ui/form.tsx';
import { counted } from '../../../../shared/ui/format.ts';
import { Card, Note } from '../../../../shared/ui/panels.tsx';
import { Empty, ErrorPanel, Loading } from '../../../../shared/ui/states.tsx';
import { Hash, Time } from '../../../../shared/ui/values.tsx';
import type { VerificationView } from '../../views.ts';
import { ledgerPath, VERIFICATION } from '../paths.ts';

const ENTRIES = 200;

export function LedgerPage() {
  const [text, setText] = useState('');
  const [checked, setChecked] = useState<VerificationView>();
  const verify = useAct((api) => api.get(VERIFICATION), { then: setChecked });
  return (
    <Page
      title="Ledger"
      lead="What was allowed, trained, sent and refused. Every entry holds the hash of the one before and this site's signature. No patient data is in it."
      actions={
        <Button
          kind="primary"
          isBusy={verify.isBusy}
          onPress={() => {
            verify.start();
          }}
        >
          Verify the whole chain
        </Button>
      }
    >
      {checked && <Verified checked={checked} />}
      <Card title="Entries" detail="Newest first.">
        <div className="stack tight">
          <TextField
            label="Search"
            type="search"
            value={text}
            onChange={setText}
            hint="In time, person and text."
          />
          <Entries text={text} />
        </div>
      </Card>
    </Page>
  );
}

function Verified({ checked: { entries, receipts, head, fault } }: { readonly checked: VerificationView }) {
  if (fault !== null)
    return (
      <Note tone="bad" title="The ledger is not as it was written" isLive>
        <p>{fault}</p>
        <p>
          Keep the file as evidence, restore it from a backup, and tell whoever is responsible for this
          machine.
        </p>
      </Note>
    );
  return (
    <Note tone="good" title="The ledger is as it was written" isLive>
      <p>
        {counted(entries, 'entry', 'entries')}, each signed by this site and following the one before;{' '}
        {counted(receipts, 'receipt')} of the coordinator, all of them entered.
      </p>
      <p className="cluster">
        Last <Hash value={head} what="hash of the last entry" chars={24} />
      </p>
    </Note>
  );
}

function Entries({ text }: { readonly text: string }) {
  const api = useApi();
  const query = useInfiniteQuery({
    queryKey: ['ledger', text],
    queryFn: ({ pageParam, signal }) => {
      const parameters = new URLSearchParams({ text, limit: String(ENTRIES) });
      if (pageParam !== undefined) parameters.set('before', String(pageParam));
      return api.get(ledgerPath(parameters), signal);
    },
    initialPageParam: undefined as number | undefined,
    getNextPageParam: ({ entries }) => (entries.length < ENTRIES ? undefined : entries.at(-1)?.seq),
    meta: { topics: ['ledger'] },
    placeholderData: (before) => before,
  });
  if (query.error && !query.data) return <ErrorPanel error={query.error} what="The ledger" />;
  if (!query.data) return <Loading what="the ledger" rows={8} rowHeight={44} />;
  const entries = query.data.pages.flatMap((page) => page.entries);
  const fault = query.data.pages[0]?.fault;
  return (
    <>
      {fault !== null && fault !== undefined && (
        <Note tone="bad" title="The ledger is not as it was written">
          <p>{fault}; the entries from there on are not shown.</p>
        </Note>
      )}
      <DataTable
        caption="Entries of the ledger"
        rows={entries}
        rowKey={({ seq }) => String(seq)}
        onNearEnd={() => {
          if (query.hasNextPage && !query.isFetchingNextPage) void query.fetchNextPage();
        }}
        empty={
          <Empty title="No entry">
            {text === '' ? 'The ledger begins when the agent starts.' : 'Search for something else.'}
          </Empty>
        }
        minWidth={760}
        columns={[
          { key: 'seq', header: 'No.', width: 70, isNumber: true, cell: ({ seq }) => String(seq) },
          { key: 'time', header: 'Time', width: 236, cell: ({ time }) => <Time at={time} parts="second" /> },
          { key: 'actor', header: 'By', width: 118, cell: ({ actor }) => actor },
          {
            key: 'words',
            header: 'What',
            isRowHeader: true,
            cell: ({ words }) => <span title={words}>{words}</span>,
          },
        ]}
      />
    </>
  );
}
