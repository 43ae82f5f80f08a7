import { textOfOrder } from '../components/address-filters.ts';
import { Field } from '../components/field.tsx';
import { useTiers } from '../data/use-tiers.ts';
import styles from './key-filter-bar.module.css';
import { type KeyFilters, keyFilters } from './key-filters.ts';
import { keyStates } from './key-state.ts';

const orders = {
  '-created': 'Newest first',
  created: 'Oldest first',
  label: 'Label, A to Z',
  '-label': 'Label, Z to A',
  '-used': 'Most used first',
  used: 'Least used first',
  '-last_used': 'Recently used first',
  last_used: 'Least recently used first',
};

/** Search and filters for the list of keys. */
export function KeyFilterBar(props: {
  filters: KeyFilters;
  onChange: (changes: Partial<KeyFilters>) => void;
}) {
  const { filters, onChange } = props;
  // the list works without tiers if they cannot be loaded
  const tiers = useTiers().data?.map(({ tier }) => tier) ?? [];
  const known = filters.tier === '' || tiers.includes(filters.tier);
  return (
    <search className={styles.bar}>
      <Field label="Search">
        <input
          type="search"
          placeholder="Label or key ID"
          value={filters.search}
          onChange={(event) => onChange({ search: event.target.value })}
        />
      </Field>
      <Field label="State">
        <select value={filters.state} onChange={(event) => onChange({ state: event.target.value })}>
          <option value="undeleted">All except deleted</option>
          <option value="">All</option>
          {Object.entries(keyStates)
            // a banned user cannot see this page
            .filter(([state]) => state !== 'owner_barred')
            .map(([state, name]) => (
              <option key={state} value={state}>
                {name}
              </option>
            ))}
        </select>
      </Field>
      <Field label="Tier">
        <select value={filters.tier} onChange={(event) => onChange({ tier: event.target.value })}>
          <option value="">All</option>
          {known || <option>{filters.tier}</option>}
          {tiers.map((tier) => (
            <option key={tier}>{tier}</option>
          ))}
        </select>
      </Field>
      <Field label="Mode">
        <select
          value={filters.mode}
          onChange={(event) => onChange({ mode: event.target.value as KeyFilters['mode'] })}
        >
          <option value="">Live and test</option>
          <option value="live">Live</option>
          <option value="test">Test</option>
        </select>
      </Field>
      <div className={styles.order}>
        <Field label="Order">
          <select
            value={textOfOrder(filters.sort)}
            onChange={(event) => onChange({ sort: keyFilters.sort.read(event.target.value) })}
          >
            {Object.entries(orders).map(([order, name]) => (
              <option key={order} value={order}>
                {name}
              </option>
            ))}
          </select>
        </Field>
      </div>
    </search>
  );
}
