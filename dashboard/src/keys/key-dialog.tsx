import { useNavigate } from 'react-router';
import type { Key, MintedKey, RotatedKey } from '../data/key.ts';
import { DeleteDialog } from './delete-dialog.tsx';
import { type ManyKeysChange, ManyKeysDialog } from './many-keys-dialog.tsx';
import { MintDialog } from './mint-dialog.tsx';
import { RenameDialog } from './rename-dialog.tsx';
import { RotateDialog } from './rotate-dialog.tsx';
import { MintedDialog, RotatedDialog } from './secret-dialog.tsx';

/** The open dialog and its key. Holds a secret only while it is shown. */
export type OpenKeyDialog =
  | { kind: 'mint' }
  | { kind: 'rename' | 'rotate' | 'delete'; value: Key }
  | { kind: 'many'; change: ManyKeysChange; keys: Key[]; onChanged: () => void }
  | { kind: 'minted'; minted: MintedKey }
  | { kind: 'rotated'; rotated: RotatedKey; graceSeconds: number };

/** The open dialog, if any; one may lead to the next. */
export function KeyDialog(props: {
  open: OpenKeyDialog | undefined;
  onOpen: (dialog: OpenKeyDialog | undefined) => void;
}) {
  const { open, onOpen } = props;
  const navigate = useNavigate();
  const close = () => onOpen(undefined);
  switch (open?.kind) {
    case undefined:
      return null;
    case 'mint':
      return (
        <MintDialog onClose={close} onMinted={(minted) => onOpen({ kind: 'minted', minted })} />
      );
    case 'minted':
      return (
        <MintedDialog
          minted={open.minted}
          onClose={() => {
            close();
            // where the key's first requests appear
            void navigate(`/keys/${open.minted.key_id}`);
          }}
        />
      );
    case 'rename':
      return <RenameDialog value={open.value} onClose={close} />;
    case 'rotate':
      return (
        <RotateDialog
          value={open.value}
          onClose={close}
          onRotated={(rotated, graceSeconds) => onOpen({ kind: 'rotated', rotated, graceSeconds })}
        />
      );
    case 'rotated':
      return (
        <RotatedDialog rotated={open.rotated} graceSeconds={open.graceSeconds} onClose={close} />
      );
    case 'many': {
      const { kind: _, ...many } = open;
      return <ManyKeysDialog {...many} onClose={close} />;
    }
    case 'delete':
      return <DeleteDialog value={open.value} onClose={close} />;
  }
}
