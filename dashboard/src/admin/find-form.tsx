import { Field } from '../components/field.tsx';
import { keyStates } from '../keys/key-state.ts';
import { type FindFilters, modes } from './find-filters.ts';
import { type Bound, SearchForm } from './search-form.tsx';
import { TierSelect } from './tier-select.tsx';
import { UserField } from './user-field.tsx';

/** The search form for keys of all users. */
export function FindForm(props: {
  filters: FindFilters;
  onSearch: (filters: FindFilters) => void;
}) {
  return (
    <SearchForm {...props} what="Find keys">
      {(bind) => (
        <>
          <Field label="Key ID">
            <input
              {...bind('key')}
              type="search"
              placeholder="avp_live_… or uuid"
              autoComplete="off"
              spellCheck={false}
            />
          </Field>
          <UserField bound={bind('user')} />
          <Field label="Label">
            <input
              {...bind('label')}
              type="search"
              placeholder="Part of the label"
              autoComplete="off"
              dir="auto"
            />
          </Field>
          <Options label="State" bound={bind('state')} options={keyStates} />
          <TierSelect bound={bind('tier')} />
          <Options label="Mode" bound={bind('mode')} options={modes} />
        </>
      )}
    </SearchForm>
  );
}

function Options(props: { label: string; bound: Bound; options: Record<string, string> }) {
  return (
    <Field label={props.label}>
      <select {...props.bound}>
        <option value="">All</option>
        {Object.entries(props.options).map(([value, name]) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </select>
    </Field>
  );
}
