import { oneOf, useAddressFilters } from '../components/address-filters.ts';
import { Tabs } from '../components/tabs.tsx';
import type { Key } from '../data/key.ts';
import { AuditSection } from './audit-section.tsx';
import { EventSection } from './event-section.tsx';

const filters = { show: oneOf(['events', 'history'], 'events') };

/** The key's events and its history. The URL says which of them is shown. */
export function KeyRecords({ value: key }: { value: Key }) {
  const [{ show }, setAddress] = useAddressFilters(filters);
  return (
    <Tabs
      label="Key records"
      selected={show}
      onSelect={(id) => void setAddress({ show: id })}
      printed
      tabs={[
        { id: 'events', name: 'Events', content: <EventSection value={key} /> },
        { id: 'history', name: 'History', content: <AuditSection id={key.id} /> },
      ]}
    />
  );
}
