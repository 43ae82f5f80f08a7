import { KeyRound } from 'lucide-react';
import { Button } from '../components/button.tsx';
import { EmptyState } from '../components/empty-state.tsx';

/** Shown to a user without keys. */
export function NoKeys({ onMint }: { onMint: () => void }) {
  return (
    <EmptyState icon={<KeyRound size={28} aria-hidden />} title="You have no keys yet">
      <p>
        A key is a key ID and a secret that your code sends to the proxy. Create one and send your
        first request within a minute.
      </p>
      <Button kind="primary" onClick={onMint}>
        Create your first key
      </Button>
    </EmptyState>
  );
}
