import { Ellipsis } from 'lucide-react';
import { Button, Menu, MenuItem, MenuTrigger, Popover } from 'react-aria-components';
import type { Key } from '../data/key.ts';
import { moment, useNow } from '../usage-chart/use-now.ts';
import type { OpenKeyDialog } from './key-dialog.tsx';
import styles from './key-menu.module.css';
import { stateOf } from './key-state.ts';

/** A menu of actions for a key. */
export function KeyMenu(props: { value: Key; onAction: (dialog: OpenKeyDialog) => void }) {
  const { value, onAction } = props;
  const { state } = stateOf(value, useNow(moment));
  // a deleted key has no actions
  if (state === 'deleted') return null;
  const mayRotate = state !== 'suspended' && state !== 'expired';
  return (
    <MenuTrigger>
      <Button aria-label={`Actions for ${value.label}`} className={styles.trigger ?? ''}>
        <Ellipsis size={18} aria-hidden />
      </Button>
      <Popover placement="bottom end" className={styles.popover ?? ''}>
        <Menu
          className={styles.menu ?? ''}
          disabledKeys={mayRotate ? [] : ['rotate']}
          onAction={(kind) => onAction({ kind, value } as OpenKeyDialog)}
        >
          <MenuItem id="rename" className={styles.item ?? ''}>
            Rename
          </MenuItem>
          <MenuItem id="rotate" className={styles.item ?? ''}>
            Rotate secret
          </MenuItem>
          <MenuItem id="delete" className={`${styles.item} ${styles.danger}`}>
            Delete
          </MenuItem>
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}
