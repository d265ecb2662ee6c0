/** The record of administrative acts: search it, check that nothing was changed in it, take it home. */
import { useState } from 'react';
import { Page } from '../../../shared/ui/app-shell.tsx';
import { Button } from '../../../shared/ui/button.tsx';
import { useGet } from '../../../shared/ui/data.tsx';
import { DataTable, type Column } from '../../../shared/ui/data-table.tsx';
import { Select, TextField } from '../../../shared/ui/form.tsx';
import { count, counted } from '../../../shared/ui/format.ts';
import { Card, Note } from '../../../shared/ui/panels.tsx';
import { Empty, ErrorPanel, Loading } from '../../../shared/ui/states.tsx';
import { Time } from '../../../shared/ui/values.tsx';
import type { LedgerEntry } from '../../http/api/ledger-views.ts';
import { actWords, detailWords } from '../ledger/act-words.ts';
import { EntryDialog } from '../ledger/entry-dialog.tsx';
import { NO_FILTER, type LedgerFilter } from '../ledger/ledger-filter.ts';
import { useLedger } from '../ledger/use-ledger.ts';
import { LEDGER_CHOICES, LEDGER_EXPORT } from '../paths.ts';
import { LedgerVerification } from '../ledger/verification.tsx';

export function LedgerPage() {
  const [filter, setFilter] = useState(NO_FILTER);
  const [opened, setOpened] = useState<LedgerEntry>();
  const search = useLedger(filter);
  const { entries } = search;
  return (
    <Page
      title="Ledger"
      lead="Every administrative act, hash-chained and signed with the key of the federation."
      actions={
        <a className="button" href={LEDGER_EXPORT} download>
          Export as JSON lines
        </a>
      }
    >
      <LedgerVerification />
      <Card
        title="Entries"
        detail={entries ? foundWords(entries.length, search.hasMore, search.total) : 'Newest first'}
        isFlush
      >
        <Filters filter={filter} onChange={setFilter} />
        {search.isBehind && (
          <div className="card-toolbar">
            <Note isLive>
              <p>There are newer entries.</p>
              <div className="cluster">
                <Button size="small" onPress={search.renew}>
                  Show the newest
                </Button>
              </div>
            </Note>
          </div>
        )}
        {entries ? (
          <DataTable
            caption="Entries of the ledger, newest first"
            rows={entries}
            columns={columnsOf(setOpened)}
            rowKey={({ sequence }) => String(sequence)}
            onNearEnd={search.loadMore}
            empty={<Empty title="No entry matches">Search for other words, or take a filter away.</Empty>}
          />
        ) : search.error !== null ? (
          <ErrorPanel error={search.error} what="The ledger" onRetry={search.renew} />
        ) : (
          <div className="card-toolbar">
            <Loading what="the ledger" rows={8} rowHeight={32} />
          </div>
        )}
        {entries && search.hasMore && (
          <div className="card-foot">
            <Button size="small" isBusy={search.isLoading} onPress={search.loadMore}>
              Load older entries
            </Button>
          </div>
        )}
      </Card>
      {opened && (
        <EntryDialog
          entry={opened}
          onClose={() => {
            setOpened(undefined);
          }}
        />
      )}
    </Page>
  );
}

const foundWords = (shown: number, hasMore: boolean, total: number): string =>
  `${counted(shown, 'entry', 'entries')} shown, newest first${hasMore ? '; older ones follow as you scroll' : ''}. ${count(total)} in the whole ledger.`;

const columnsOf = (onOpen: (entry: LedgerEntry) => void): readonly Column<LedgerEntry>[] => [
  {
    ...{ key: 'sequence', header: 'Number', isRowHeader: true, width: 100 },
    cell: (entry) => (
      <button
        type="button"
        className="link"
        aria-label={`Entry ${String(entry.sequence)}`}
        onClick={() => {
          onOpen(entry);
        }}
      >
        {String(entry.sequence)}
      </button>
    ),
  },
  { key: 'at', header: 'Time', width: 240, cell: ({ at }) => <Time at={at} parts="second" /> },
  { key: 'actor', header: 'Actor', width: 130, cell: ({ actor }) => <span title={actor}>{actor}</span> },
  { key: 'act', header: 'Act', width: 170, cell: ({ act }) => actWords(act) },
  {
    ...{ key: 'subject', header: 'Subject', width: 150 },
    cell: ({ subject }) => <span title={subject}>{subject}</span>,
  },
  {
    ...{ key: 'detail', header: 'Detail' },
    cell: ({ detail }) => <span title={detailWords(detail)}>{detailWords(detail) || '–'}</span>,
  },
];

interface FiltersProps {
  readonly filter: LedgerFilter;
  readonly onChange: (filter: LedgerFilter) => void;
}

const optionsOf = (values: readonly string[] = [], words: (value: string) => string, all: string) => [
  { value: '', label: all },
  ...values.map((value) => ({ value, label: words(value) })),
];

function Filters({ filter, onChange }: FiltersProps) {
  const { data: choices } = useGet(LEDGER_CHOICES, ['ledger']);
  const set = (name: keyof LedgerFilter) => (value: string) => {
    onChange({ ...filter, [name]: value });
  };
  return (
    <search className="toolbar card-toolbar">
      <TextField
        label="Search"
        type="search"
        value={filter.text}
        onChange={set('text')}
        placeholder="Actor, act, subject or detail"
      />
      <Select
        label="Act"
        value={filter.act}
        options={optionsOf(choices?.acts, actWords, 'All acts')}
        onChange={set('act')}
      />
      <Select
        label="Actor"
        value={filter.actor}
        options={optionsOf(choices?.actors, (actor) => actor, 'Everybody')}
        onChange={set('actor')}
      />
      <TextField label={`From (${ZONE})`} type="datetime-local" value={filter.from} onChange={set('from')} />
      <TextField label={`To (${ZONE})`} type="datetime-local" value={filter.to} onChange={set('to')} />
    </search>
  );
}

/** The reader's zone, as `Europe/Zurich`. */
const ZONE = new Intl.DateTimeFormat('en').resolvedOptions().timeZone;
