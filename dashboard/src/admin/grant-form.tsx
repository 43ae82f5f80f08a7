import { Field } from '../components/field.tsx';
import { SearchForm } from './search-form.tsx';
import { TierSelect } from './tier-select.tsx';

type GrantFilters = Record<'user' | 'tier', string>;

/** Asks which grants are looked for. */
export function GrantForm(props: {
  filters: GrantFilters;
  onSearch: (filters: GrantFilters) => void;
}) {
  return (
    <SearchForm {...props} what="Find grants">
      {(bind) => (
        <>
          <Field label="User">
            <input
              {...bind('user')}
              type="search"
              placeholder="E-mail address or user ID"
              autoComplete="off"
              spellCheck={false}
            />
          </Field>
          <TierSelect bound={bind('tier')} />
        </>
      )}
    </SearchForm>
  );
}
