import { Field } from '../components/field.tsx';
import { useKeys } from '../data/use-keys.ts';
import styles from './alert-filter-bar.module.css';
import { alertTypes } from './alert-types.ts';

type AlertFilters = Record<'type' | 'key', string>;

/** Filters over the list of alerts: by what they are about. */
export function AlertFilterBar(props: {
  filters: AlertFilters;
  onChange: (changes: Partial<AlertFilters>) => void;
}) {
  const { filters, onChange } = props;
  const keys = useKeys().data?.keys ?? [];
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
          {keys.map(({ key_id, label, deleted_at }) => (
            <option key={key_id} value={key_id}>
              {`${label} (${key_id})${deleted_at ? ', deleted' : ''}`}
            </option>
          ))}
        </select>
      </Field>
    </search>
  );
}
