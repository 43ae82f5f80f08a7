import type { FoundKey } from '../data/key.ts';
import { LimitsDialog } from './limits-dialog.tsx';
import { ReactivateDialog } from './reactivate-dialog.tsx';
import { SuspendDialog } from './suspend-dialog.tsx';

/** The open dialog and its key. */
export interface OpenFoundKeyDialog {
  kind: 'suspend' | 'reactivate' | 'limits';
  value: FoundKey;
}

const dialogs = { suspend: SuspendDialog, reactivate: ReactivateDialog, limits: LimitsDialog };

/** The open dialog, if any. */
export function FoundKeyDialog(props: {
  open: OpenFoundKeyDialog | undefined;
  onClose: () => void;
}) {
  const { open, onClose } = props;
  if (!open) return null;
  const Dialog = dialogs[open.kind];
  return <Dialog value={open.value} onClose={onClose} />;
}
