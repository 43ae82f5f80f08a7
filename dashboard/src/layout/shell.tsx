import { CircleUser, KeyRound, LogOut } from 'lucide-react';
import { Suspense } from 'react';
import { NavLink, Outlet, useLocation } from 'react-router';
import { Loading } from '../components/loading.tsx';
import { useSession } from '../session/session-context.ts';
import { Connection } from './connection.tsx';
import { PageFailure } from './page-failure.tsx';
import styles from './shell.module.css';
import { ThemeChoice } from './theme-choice.tsx';

/** The frame around every page: navigation, account and sign-out. */
export function Shell() {
  const { email, isAdmin, signOut } = useSession();
  const { pathname } = useLocation();
  return (
    <div className={styles.shell}>
      <header className={styles.header}>
        <div className={styles.bar}>
          <NavLink to="/" className={styles.brand ?? ''} aria-label="Proxy Keys, overview">
            <KeyRound size={20} aria-hidden />
            <span>Proxy Keys</span>
          </NavLink>
          <nav aria-label="Pages" className={styles.pages}>
            <NavLink to="/" end>
              Overview
            </NavLink>
            <NavLink to="/keys">Keys</NavLink>
            <NavLink to="/alerts">Alerts</NavLink>
            {isAdmin && <NavLink to="/admin">Admin</NavLink>}
          </nav>
          <NavLink to="/account" className={styles.email ?? ''}>
            <CircleUser size={18} aria-hidden />
            <span className="visually-hidden">Account </span>
            <bdi>{email}</bdi>
          </NavLink>
          <div className={styles.account}>
            <ThemeChoice />
            <button type="button" className={styles.signOut} onClick={() => void signOut()}>
              <LogOut size={18} aria-hidden />
              <span>Sign out</span>
            </button>
          </div>
        </div>
      </header>
      <Connection />
      <PageFailure key={pathname}>
        <Suspense fallback={<Loading />}>
          <Outlet />
        </Suspense>
      </PageFailure>
    </div>
  );
}
