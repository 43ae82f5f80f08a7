import { onlineManager } from '@tanstack/react-query';
import { WifiOff } from 'lucide-react';
import { useSyncExternalStore } from 'react';
import styles from './connection.module.css';

/** Says so while the browser has no connection. */
export function Connection() {
  const online = useSyncExternalStore(
    (changed) => onlineManager.subscribe(changed),
    () => onlineManager.isOnline(),
  );
  return (
    <div role="status">
      {!online && (
        <p className={styles.offline}>
          <WifiOff size={18} aria-hidden />
          <span>
            You are offline. What you see was read before; it is read again once you are back.
          </span>
        </p>
      )}
    </div>
  );
}
