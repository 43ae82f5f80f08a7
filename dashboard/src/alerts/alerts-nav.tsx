import { NavLink } from 'react-router';
import styles from '../admin/admin-nav.module.css';

/** The navigation between the alert pages. */
export function AlertsNav() {
  return (
    <nav aria-label="Alert pages" className={styles.nav}>
      <NavLink to="/alerts" end>
        Alerts
      </NavLink>
      <NavLink to="/alerts/webhooks">Webhooks</NavLink>
      <NavLink to="/alerts/thresholds" end>
        Thresholds
      </NavLink>
    </nav>
  );
}
