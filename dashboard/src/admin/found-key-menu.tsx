import { Ellipsis } from 'lucide-react';
import { Button, Menu, MenuItem, MenuTrigger, Popover } from 'react-aria-components';
import type { FoundKey } from '../data/key.ts';
// the same menu as a key has for its owner
import styles from '../keys/key-menu.module.css';
import type { OpenFoundKeyDialog } from './found-key-dialog.tsx';

/** What an admin can do with a key, behind one button. */
export function FoundKeyMenu(props: {
  value: FoundKey;
  onAction: (dialog: OpenFoundKeyDialog) => void;
}) {
  const { value, onAction } = props;
  const { deleted_at, suspended_at, user_id } = value;
  // nothing can be done with what is gone together with its account
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
