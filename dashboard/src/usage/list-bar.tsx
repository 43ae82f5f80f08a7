import { Field } from '../components/field.tsx';
import type { BurnSort } from '../data/burns.ts';
import { KeyPicker } from '../key-picker/key-picker.tsx';
import styles from './list-bar.module.css';
import type { ListChoices } from './list-choices.ts';

const sorts: Record<BurnSort, string> = {
  bytes: 'Most traffic first',
  requests: 'Most requests first',
  errors: 'Most failures first',
};

/** Chooses a list's key and order; with `grouped`, also targets by host or site. */
export function ListBar(props: {
  choices: ListChoices;
  grouped: boolean;
  onChange: (changes: Partial<ListChoices>) => void;
}) {
  const { choices, grouped, onChange } = props;
  return (
    <search className={styles.bar}>
      <KeyPicker
        label="Key"
        all="All keys"
        value={choices.key}
        onChange={(key) => onChange({ key })}
      />
      {grouped && (
        <Field label="Group by">
          <select
            value={choices.by}
            onChange={(event) => onChange({ by: event.target.value === 'site' ? 'site' : 'host' })}
          >
            <option value="host">Host</option>
            <option value="site">Site (registered domain)</option>
          </select>
        </Field>
      )}
      <Field label="Order">
        <select
          value={choices.sort}
          onChange={(event) => onChange({ sort: event.target.value as BurnSort })}
        >
          {Object.entries(sorts).map(([sort, name]) => (
            <option key={sort} value={sort}>
              {name}
            </option>
          ))}
        </select>
      </Field>
    </search>
  );
}
