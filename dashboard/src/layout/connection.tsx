import { onlineManager } from '@tanstack/react-query';
import { WifiOff } from 'lucide-react';
import { useSyncExternalStore } from 'react';
import styles from './connection.module.css';

/** Shows a banner while the browser is offline. */
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
            You are offline. This page may be out of date. It refreshes when you are online again.
          </span>
        </p>
      )}
    </div>
  );
}
