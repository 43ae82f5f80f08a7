import { Search } from 'lucide-react';
import { type ChangeEvent, type FormEvent, type ReactNode, useEffect, useState } from 'react';
import { Button } from '../components/button.tsx';
import { withoutSecret } from '../format/without-secret.ts';
import styles from './search-form.module.css';

/** The props that bind a control to one filter. */
export interface Bound {
  name: string;
  value: string;
  onChange: (event: ChangeEvent<HTMLInputElement | HTMLSelectElement>) => void;
}

/** A search form that applies its filters on submit, not while typing. */
export function SearchForm<Name extends string>(props: {
  /** The current filters. */
  filters: Record<Name, string>;
  onSearch: (filters: Record<Name, string>) => void;
  /** The form's label, as in “Find keys”. */
  what: string;
  children: (bind: (name: Name) => Bound) => ReactNode;
}) {
  const { filters, onSearch, what, children } = props;
  const [typed, setTyped] = useState(filters);
  // going back in the browser's history restores the filters of that entry
  useEffect(() => setTyped(filters), [filters]);

  const search = (wanted: Record<Name, string>) => {
    const sent = mapped(wanted, (value) => withoutSecret(value).trim());
    setTyped(sent);
    onSearch(sent);
  };
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    search(typed);
  };
  const clear = () => search(mapped(filters, () => ''));
  return (
    <search>
      <form onSubmit={submit} className={styles.form} aria-label={what}>
        {children((name) => ({
          name,
          value: typed[name],
          onChange: (event) => setTyped({ ...typed, [name]: event.target.value }),
        }))}
        <div className={styles.buttons}>
          <Button type="submit" kind="primary">
            <Search size={18} aria-hidden />
            Search
          </Button>
          <Button onClick={clear}>Clear</Button>
        </div>
      </form>
    </search>
  );
}

function mapped<Name extends string>(
  filters: Record<Name, string>,
  change: (value: string) => string,
): Record<Name, string> {
  const entries = Object.entries<string>(filters).map(([name, value]) => [name, change(value)]);
  return Object.fromEntries(entries) as Record<Name, string>;
}
