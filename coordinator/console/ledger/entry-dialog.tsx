/** One entry of the ledger with everything that its hash and signature cover. */
import { Dialog } from '../../../shared/ui/dialog.tsx';
import { KeyValues } from '../../../shared/ui/panels.tsx';
import { CopyText, Time } from '../../../shared/ui/values.tsx';
import type { LedgerEntry } from '../../http/api/ledger-views.ts';
import { actWords } from './act-words.ts';

export interface EntryDialogProps {
  readonly entry: LedgerEntry;
  readonly onClose: () => void;
}

export function EntryDialog({ entry, onClose }: EntryDialogProps) {
  return (
    <Dialog title={`Entry ${String(entry.sequence)}`} onClose={onClose} isWide>
      <KeyValues
        pairs={[
          ['Time', <Time key="t" at={entry.at} parts="second" />],
          ['Actor', entry.actor],
          ['Act', `${actWords(entry.act)} (${entry.act})`],
          ['Subject', entry.subject],
          ['Hash', <CopyText key="h" text={entry.hash} what="hash of the entry" />],
          ['Hash before', <CopyText key="p" text={entry.previousHash} what="hash of the entry before" />],
          ['Signature', <CopyText key="s" text={entry.signature} what="signature" />],
        ]}
      />
      <h3>Detail</h3>
      <pre tabIndex={0}>{JSON.stringify(entry.detail, undefined, 2)}</pre>
      <p className="small quiet">
        The hash (SHA-512) covers the entry and the hash before; the federation’s key (Ed25519) signs it.
      </p>
    </Dialog>
  );
}
