import { NavLink } from 'react-router';
import styles from './admin-nav.module.css';

/** The navigation between the admin pages. */
export function AdminNav() {
  return (
    <nav aria-label="Admin pages" className={styles.nav}>
      <NavLink to="/admin" end>
        Keys of all users
      </NavLink>
      <NavLink to="/admin/users" end>
        Users by usage
      </NavLink>
      <NavLink to="/admin/grants" end>
        Granted tiers
      </NavLink>
      <NavLink to="/admin/webhooks">Operator’s webhooks</NavLink>
    </nav>
  );
}
