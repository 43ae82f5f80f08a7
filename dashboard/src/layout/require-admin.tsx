import { useQueryClient } from '@tanstack/react-query';
import { useSyncExternalStore } from 'react';
import { Link, Outlet } from 'react-router';
import { buttonClass } from '../components/button.tsx';
import { Notice } from '../components/notice.tsx';
import { Refusal } from '../data/refusal.ts';
import { useSession } from '../session/session-context.ts';
import { NotFoundPage } from './not-found-page.tsx';
import { Page } from './page.tsx';

/** Shows admins' pages only to admins. The database enforces the permissions. */
export function RequireAdmin() {
  const { isAdmin, hasSecondFactor } = useSession();
  const refused = useSecondFactorRefused();
  if (!isAdmin) return <NotFoundPage />;
  return refused && !hasSecondFactor ? <SecondFactorNeeded /> : <Outlet />;
}

function SecondFactorNeeded() {
  return (
    <Page title="Admins need a second factor">
      <Notice kind="warning">
        The operator of this project requires a second factor for admins. Set up an authenticator
        app to open this page.
      </Notice>
      <div>
        <Link to="/account" className={buttonClass('primary')}>
          Set up a second factor
        </Link>
      </div>
    </Page>
  );
}

/** Whether a read was refused for a missing second factor: no other answer shows the operator's setting. */
function useSecondFactorRefused(): boolean {
  const cache = useQueryClient().getQueryCache();
  return useSyncExternalStore(
    (changed) => cache.subscribe(changed),
    () =>
      cache
        .getAll()
        .some(
          ({ state: { error } }) =>
            error instanceof Refusal && error.code === 'second_factor_required',
        ),
  );
}
