import { Button } from '../components/button.tsx';
import type { Key } from '../data/key.ts';
import { counted } from '../format/amount.ts';
import type { OpenKeyDialog } from './key-dialog.tsx';
import styles from './key-list.module.css';

/** The maximum number of keys per change. */
const mostChanged = 300;

/** The actions for the selected keys. Renders nothing if none is selected. */
export function SelectionBar(props: {
  /** The keys on this page that can be selected. */
  page: Key[];
  selected: ReadonlyMap<string, Key>;
  onSelect: (selected: ReadonlyMap<string, Key>) => void;
  onAction: (dialog: OpenKeyDialog) => void;
}) {
  const { page, selected, onSelect, onAction } = props;
  const keys = [...selected.values()];
  const isTooMany = keys.length > mostChanged;
  const act = (change: 'delete' | 'expiry' | 'clients') => () => {
    if (!isTooMany) {
      onAction({ kind: 'many', change, keys, onChanged: () => onSelect(new Map()) });
    }
  };
  return (
    <>
      <p role="status" className="visually-hidden">
        {keys.length > 0 && `${counted(keys.length, 'key')} selected`}
      </p>
      {keys.length > 0 && (
        <div role="group" aria-label="Selected keys" className={styles.selection}>
          <p className={styles.count}>
            <strong>{counted(keys.length, 'key')} selected</strong>
            {!page.every(({ id }) => selected.has(id)) && (
              <Button
                kind="link"
                onClick={() => onSelect(new Map([...selected, ...page.map(entry)]))}
              >
                Select all on this page
              </Button>
            )}
            <Button kind="link" onClick={() => onSelect(new Map())}>
              Clear selection
            </Button>
          </p>
          <p className={styles.buttons}>
            <Button aria-disabled={isTooMany} onClick={act('delete')}>
              Delete
            </Button>
            <Button aria-disabled={isTooMany} onClick={act('expiry')}>
              Set expiry
            </Button>
            <Button aria-disabled={isTooMany} onClick={act('clients')}>
              Set allowed clients
            </Button>
          </p>
          {isTooMany && <p>You can change at most {mostChanged} keys at once.</p>}
        </div>
      )}
    </>
  );
}

const entry = (key: Key) => [key.id, key] as const;
