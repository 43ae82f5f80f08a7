import { Ellipsis } from 'lucide-react';
import { Button, Menu, MenuItem, MenuTrigger, Popover } from 'react-aria-components';
import type { FoundKey } from '../data/key.ts';
// the same menu styles as for the owner
import styles from '../keys/key-menu.module.css';
import type { OpenFoundKeyDialog } from './found-key-dialog.tsx';

/** A menu of an admin's actions for a key. */
export function FoundKeyMenu(props: {
  value: FoundKey;
  onAction: (dialog: OpenFoundKeyDialog) => void;
}) {
  const { value, onAction } = props;
  const { deleted_at, suspended_at, user_id } = value;
  // a key that was removed with its account has no actions
  if (deleted_at && !user_id) return null;
  return (
    <MenuTrigger>
      <Button aria-label={`Actions for ${value.label}`} className={styles.trigger ?? ''}>
        <Ellipsis size={18} aria-hidden />
      </Button>
      <Popover placement="bottom end" className={styles.popover ?? ''}>
        <Menu
          className={styles.menu ?? ''}
          onAction={(kind) => onAction({ kind, value } as OpenFoundKeyDialog)}
        >
          {!deleted_at && (
            <MenuItem id="limits" className={styles.item ?? ''}>
              Set limits
            </MenuItem>
          )}
          {deleted_at || suspended_at ? (
            <MenuItem id="reactivate" className={styles.item ?? ''}>
              Reactivate
            </MenuItem>
          ) : (
            <MenuItem id="suspend" className={`${styles.item} ${styles.danger}`}>
              Suspend
            </MenuItem>
          )}
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}
