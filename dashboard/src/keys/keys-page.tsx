import { Plus } from 'lucide-react';
import { useState } from 'react';
import { Button } from '../components/button.tsx';
import { Loaded } from '../components/loaded.tsx';
import { useKeyAttention } from '../data/use-keys.ts';
import { Page } from '../layout/page.tsx';
import { KeyDialog, type OpenKeyDialog } from './key-dialog.tsx';
import { KeyList } from './key-list.tsx';
import { NoKeys } from './no-keys.tsx';

/** All keys of the signed-in user, and their actions. */
export default function KeysPage() {
  const keys = useKeyAttention();
  const [dialog, setDialog] = useState<OpenKeyDialog>();
  const mint = () => setDialog({ kind: 'mint' });
  return (
    <Page
      title="Keys"
      actions={
        <Button kind="primary" onClick={mint}>
          <Plus size={18} aria-hidden />
          Create key
        </Button>
      }
    >
      <Loaded query={keys} what="your keys">
        {({ has_keys }) => (has_keys ? <KeyList onAction={setDialog} /> : <NoKeys onMint={mint} />)}
      </Loaded>
      <KeyDialog open={dialog} onOpen={setDialog} />
    </Page>
  );
}
