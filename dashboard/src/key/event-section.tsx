import { useMemo } from 'react';
import { useAddressFilters } from '../components/address-filters.ts';
import type { Key } from '../data/key.ts';
import { useReader } from '../data/reader.ts';
import { EventExport } from './event-export.tsx';
import { EventFilterBar } from './event-filter-bar.tsx';
import {
  type EventFilters,
  eventFilters,
  eventQuery,
  isFiltered,
  noFilters,
  tidy,
  withoutWrong,
} from './event-filters.ts';
import { EventList } from './event-list.tsx';
import { NoEvents } from './no-events.tsx';
import { Section } from './section.tsx';

/** The key's events. The filters are in the URL, so that it can be bookmarked or shared. */
export function EventSection({ value: key }: { value: Key }) {
  const { asked } = useReader();
  const [address, setAddress] = useAddressFilters(eventFilters);
  const filters = useMemo(() => withoutWrong(address), [address]);
  const query = useMemo(() => eventQuery(filters), [filters]);
  const filtered = isFiltered(filters);
  const apply = (next: EventFilters) => setAddress(tidy(next));
  return (
    <Section title="Events">
      {/* hidden while the key has no events */}
      {(key.last_used_at || filtered) && (
        <>
          <EventFilterBar filters={filters} onApply={apply} />
          {!asked.as_admin && <EventExport value={key} query={query} filtered={filtered} />}
        </>
      )}
      {/* new filters start at the newest event */}
      <EventList key={JSON.stringify(query)} id={key.id} query={query}>
        <NoEvents value={key} onClear={filtered ? () => apply(noFilters) : undefined} />
      </EventList>
    </Section>
  );
}
