import { Field } from '../components/field.tsx';
import { KeyPicker } from '../key-picker/key-picker.tsx';
import styles from './alert-filter-bar.module.css';
import { alertTypes } from './alert-types.ts';

type AlertFilters = Record<'type' | 'key', string>;

/** Filters for the list of alerts. */
export function AlertFilterBar(props: {
  filters: AlertFilters;
  onChange: (changes: Partial<AlertFilters>) => void;
}) {
  const { filters, onChange } = props;
  const isKnown = filters.type === '' || Object.hasOwn(alertTypes, filters.type);
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
      <KeyPicker
        label="Key"
        all="All keys and the account"
        value={filters.key}
        onChange={(key) => onChange({ key })}
      />
    </search>
  );
}
