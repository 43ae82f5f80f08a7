import { type KeyboardEvent, useId, useState } from 'react';
import { useDebounced } from '../components/use-debounced.ts';
import type { Key } from '../data/key.ts';
import { useKey, useKeyPage } from '../data/use-keys.ts';
import { counted } from '../format/amount.ts';
import { withoutSecret } from '../format/without-secret.ts';
import styles from './key-picker.module.css';

const most = 20;

interface Option {
  keyId: string;
  name: string;
  note?: string;
}

/**
 * Chooses one of the user's keys by a search in the database, with WAI-ARIA's combobox pattern. `all`
 * is the label of the option for all keys, if there is one.
 */
export function KeyPicker(props: {
  label: string;
  value: string;
  onChange: (keyId: string) => void;
  all?: string;
  /** Offers no deleted keys. */
  undeleted?: boolean;
  required?: boolean;
  autoFocus?: boolean;
}) {
  const { label, value, onChange, all, undeleted, required, autoFocus } = props;
  const id = useId();
  const [typed, setTyped] = useState<string>();
  const [open, setOpen] = useState(false);
  const [active, setActive] = useState(-1);
  const search = useDebounced(withoutSecret(typed ?? '').trim());
  const found = useKeyPage(
    { ...(undeleted ? { state: 'undeleted' } : {}), ...(search ? { search } : {}), sort: 'label' },
    { limit: most, enabled: open },
  );
  const chosen = useKey(value, { enabled: value !== '' }).data;

  const options: Option[] = [
    ...(all && !search ? [{ keyId: '', name: all }] : []),
    ...(found.data?.items ?? []).map(optionOf),
  ];
  const shown = typed ?? (value && (chosen?.label ?? value));
  const close = () => {
    setOpen(false);
    setTyped(undefined);
    setActive(-1);
  };
  const choose = (option: Option | undefined) => {
    if (option) onChange(option.keyId);
    close();
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      if (!open) setOpen(true);
      else if (options.length > 0) {
        const next = active < 0 && step < 0 ? options.length - 1 : active + step;
        setActive((next + options.length) % options.length);
      }
    } else if (event.key === 'Enter' && open) {
      event.preventDefault();
      choose(options[active < 0 ? (typed ? 0 : -1) : active]);
    } else if (event.key === 'Escape' && open) {
      // keeps the surrounding dialog open
      event.preventDefault();
      event.stopPropagation();
      close();
    }
  };
  return (
    <div className={styles.picker}>
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        role="combobox"
        aria-expanded={open}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={open && active >= 0 ? `${id}-${active}` : undefined}
        autoComplete="off"
        spellCheck={false}
        placeholder={all ?? 'Label or key ID'}
        required={required}
        autoFocus={autoFocus}
        value={shown}
        onChange={(event) => {
          setTyped(event.target.value);
          setOpen(true);
          setActive(-1);
        }}
        onClick={() => setOpen(true)}
        onKeyDown={onKeyDown}
        onBlur={() => {
          // an emptied input clears the choice
          if (typed === '' && value !== '') onChange('');
          close();
        }}
      />
      <p role="status" className="visually-hidden">
        {open && found.data && !found.isPlaceholderData && counted(found.data.items.length, 'key')}
      </p>
      <div hidden={!open} className={styles.popup}>
        <div
          id={`${id}-list`}
          role="listbox"
          aria-label="Search results"
          hidden={options.length === 0}
        >
          {options.map((option, index) => (
            // biome-ignore lint/a11y/useFocusableInteractive: the focus stays in the input
            // biome-ignore lint/a11y/useKeyWithClickEvents: the input handles the keyboard
            <div
              key={option.keyId}
              id={`${id}-${index}`}
              role="option"
              aria-selected={index === active}
              ref={(element) => {
                if (element && index === active) element.scrollIntoView({ block: 'nearest' });
              }}
              // otherwise the input loses the focus and the list closes before the click
              onPointerDown={(event) => event.preventDefault()}
              onClick={() => choose(option)}
            >
              <bdi>{option.name}</bdi>
              {option.note && <span className={styles.note}>{option.note}</span>}
            </div>
          ))}
        </div>
        {open && <Rest found={found} search={search} />}
      </div>
    </div>
  );
}

/** The line below the found keys. */
function Rest({ found, search }: { found: ReturnType<typeof useKeyPage>; search: string }) {
  const words = found.isError
    ? 'Your keys could not be loaded.'
    : !found.data
      ? 'Loading…'
      : found.data.items.length === 0
        ? search && 'No keys match.'
        : found.data.next_cursor && 'More keys match. Type part of the label or key ID.';
  return words && <div className={styles.rest}>{words}</div>;
}

function optionOf({ key_id: keyId, label, deleted_at }: Key): Option {
  return { keyId, name: label, note: `${keyId}${deleted_at ? ', deleted' : ''}` };
}
