import { Cable, SearchX } from 'lucide-react';
import { Button } from '../components/button.tsx';
import { EmptyState } from '../components/empty-state.tsx';
import type { Key } from '../data/key.ts';
import { useReader } from '../data/reader.ts';

/** Stands where there is no event. `onClear` takes filters away, where there are any. */
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
      <EmptyState icon={<SearchX size={28} aria-hidden />} title="No event fits these filters">
        <Button onClick={onClear}>Show all events</Button>
      </EmptyState>
    );
  }
  if (key.last_used_at) {
    return (
      <EmptyState title="No events are kept any more">
        <p>The key was used, but so long ago that its events are gone. Its usage still counts.</p>
      </EmptyState>
    );
  }
  if (!key.active) {
    return (
      <EmptyState title="This key has no connections">
        <p>The gateway refuses it now: see its state above.</p>
      </EmptyState>
    );
  }
  return (
    <EmptyState icon={<Cable size={28} aria-hidden />} title="No connection yet">
      <p>
        What is sent through the proxy with this key is here within a minute.
        {!asked.as_admin && ' Copy a snippet from Connect above to try it.'}
      </p>
    </EmptyState>
  );
}
