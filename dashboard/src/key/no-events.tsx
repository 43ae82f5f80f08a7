import { Cable, SearchX } from 'lucide-react';
import { Button } from '../components/button.tsx';
import { EmptyState } from '../components/empty-state.tsx';
import type { Key } from '../data/key.ts';
import { useReader } from '../data/reader.ts';

/** Shown when there are no events. `onClear` removes the filters, if any are set. */
export function NoEvents({
  value: key,
  onClear,
}: {
  value: Key;
  onClear?: (() => void) | undefined;
}) {
  const { asked } = useReader();
  if (onClear) {
    return (
      <EmptyState icon={<SearchX size={28} aria-hidden />} title="No events match these filters">
        <Button onClick={onClear}>Show all events</Button>
      </EmptyState>
    );
  }
  if (key.last_used_at) {
    return (
      <EmptyState title="Events are no longer available">
        <p>The key was last used so long ago that its events were deleted. Its usage is kept.</p>
      </EmptyState>
    );
  }
  if (!key.active) {
    return (
      <EmptyState title="This key has no connections">
        <p>The gateway refuses this key. See its state above.</p>
      </EmptyState>
    );
  }
  return (
    <EmptyState icon={<Cable size={28} aria-hidden />} title="No connection yet">
      <p>
        Requests sent with this key appear here within a minute.
        {!asked.as_admin && ' Copy a snippet from Connect above to try it.'}
      </p>
    </EmptyState>
  );
}
