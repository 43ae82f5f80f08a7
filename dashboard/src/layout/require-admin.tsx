import { useQueryClient } from '@tanstack/react-query';
import { useSyncExternalStore } from 'react';
import { Link, Outlet } from 'react-router';
import { buttonClass } from '../components/button.tsx';
import { Notice } from '../components/notice.tsx';
import { Refusal } from '../data/refusal.ts';
import { useSession } from '../session/session-context.ts';
import { NotFoundPage } from './not-found-page.tsx';
import { Page } from './page.tsx';

/** Shows admins' pages to admins. What they may do there, the database decides. */
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
        The operator of this project lets admins in only with a second factor, and you have none
        yet. Set up an authenticator app; then this page opens.
      </Notice>
      <div>
        <Link to="/account" className={buttonClass('primary')}>
          Set up a second factor
        </Link>
      </div>
    </Page>
  );
}

/** Whether something that was read was refused for it: what the operator requires, no answer else says. */
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
