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

/** The signed-in user's alerts. */
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
            <EmptyState title="No alerts match these filters">
              <p>Alerts are kept for 90 days.</p>
              <Button onClick={() => search(firstOf(alertFilters))}>Show all alerts</Button>
            </EmptyState>
          ) : (
            <EmptyState icon={<Bell size={28} aria-hidden />} title="No alerts yet">
              <p>
                Alerts tell you when a quota is nearly used up, a key expires soon, or a setting
                changes. To receive alerts elsewhere, add{' '}
                <Link to="/alerts/webhooks">webhooks</Link>.
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
