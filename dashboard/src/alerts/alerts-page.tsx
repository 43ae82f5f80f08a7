import { Bell } from 'lucide-react';
import { Link } from 'react-router';
import { Paged } from '../admin/paged.tsx';
import { firstOf, text, useAddressFilters } from '../components/address-filters.ts';
import { Button } from '../components/button.tsx';
import { EmptyState } from '../components/empty-state.tsx';
import { useAlerts } from '../data/use-alerts.ts';
import { counted } from '../format/amount.ts';
import { Page } from '../layout/page.tsx';
import { AlertFilterBar } from './alert-filter-bar.tsx';
import { AlertList } from './alert-list.tsx';
import { AlertsNav } from './alerts-nav.tsx';

const alertFilters = { type: text, key: text };

/** What the signed-in user was alerted to. */
export default function AlertsPage() {
  const [filters, search] = useAddressFilters(alertFilters, { push: true });
  const { type, key } = filters;
  const alerts = useAlerts({ ...(type ? { type } : {}), ...(key ? { id: key } : {}) });
  return (
    <Page title="Alerts" above={<AlertsNav />}>
      <AlertFilterBar filters={filters} onChange={search} />
      <Paged
        query={alerts}
        what="the alerts"
        count={(found) => counted(found.length, 'alert')}
        none={
          type || key ? (
            <EmptyState title="No alert fits these filters">
              <p>Alerts are kept for 90 days.</p>
              <Button onClick={() => search(firstOf(alertFilters))}>Show all alerts</Button>
            </EmptyState>
          ) : (
            <EmptyState icon={<Bell size={28} aria-hidden />} title="There are no alerts yet">
              <p>
                You are alerted when a quota is nearly used up, a key expires soon, or something
                changes. <Link to="/alerts/webhooks">Webhooks</Link> send alerts to you.
              </p>
            </EmptyState>
          )
        }
      >
        {(found) => <AlertList alerts={found} />}
      </Paged>
    </Page>
  );
}
