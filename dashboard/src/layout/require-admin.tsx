import { Outlet } from 'react-router';
import { useSession } from '../session/session-context.ts';
import { NotFoundPage } from './not-found-page.tsx';

/** Shows admins' pages to admins. What they may do there, the database decides. */
export function RequireAdmin() {
  return useSession().isAdmin ? <Outlet /> : <NotFoundPage />;
}
