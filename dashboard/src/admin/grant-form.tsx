import { SearchForm } from './search-form.tsx';
import { TierSelect } from './tier-select.tsx';
import { UserField } from './user-field.tsx';

type GrantFilters = Record<'user' | 'tier', string>;

/** The search form for grants. */
export function GrantForm(props: {
  filters: GrantFilters;
  onSearch: (filters: GrantFilters) => void;
}) {
  return (
    <SearchForm {...props} what="Find grants">
      {(bind) => (
        <>
          <UserField bound={bind('user')} />
          <TierSelect bound={bind('tier')} />
        </>
      )}
    </SearchForm>
  );
}
