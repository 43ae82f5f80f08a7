import { Field } from '../components/field.tsx';
import type { Key } from '../data/key.ts';
import { useKeys } from '../data/use-keys.ts';
import styles from './alert-filter-bar.module.css';
import { alertTypes } from './alert-types.ts';
import { KeyOptions } from './key-options.tsx';

const none: Key[] = [];

type AlertFilters = Record<'type' | 'key', string>;

/** Filters over the list of alerts: by what they are about. */
export function AlertFilterBar(props: {
  filters: AlertFilters;
  onChange: (changes: Partial<AlertFilters>) => void;
}) {
  const { filters, onChange } = props;
  const keys = useKeys().data?.keys ?? none;
  const isKnown = filters.type === '' || Object.hasOwn(alertTypes, filters.type);
  // an address may name one that is not listed, or by its uuid
  const isListed = filters.key === '' || keys.some(({ key_id }) => key_id === filters.key);
  return (
    <search className={styles.bar}>
      <Field label="Type">
        <select value={filters.type} onChange={(event) => onChange({ type: event.target.value })}>
          <option value="">All types</option>
          {Object.entries(alertTypes).map(([type, words]) => (
            <option key={type} value={type}>
              {words}
            </option>
          ))}
          {isKnown || <option>{filters.type}</option>}
        </select>
      </Field>
      <Field label="Key">
        <select value={filters.key} onChange={(event) => onChange({ key: event.target.value })}>
          <option value="">All keys, and the account</option>
          {isListed || <option>{filters.key}</option>}
          <KeyOptions keys={keys} />
        </select>
      </Field>
    </search>
  );
}
