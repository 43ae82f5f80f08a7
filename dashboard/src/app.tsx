import { QueryClientProvider } from '@tanstack/react-query';
import { lazy } from 'react';
import { HashRouter, Route, Routes } from 'react-router';
import { ConfigurationProvider } from './configuration-provider.tsx';
import { createQueryClient } from './data/query-client.ts';
import { Announcer } from './layout/announcer.tsx';
import { NotFoundPage } from './layout/not-found-page.tsx';
import { RequireAdmin } from './layout/require-admin.tsx';
import { Shell } from './layout/shell.tsx';
import { OverviewPage } from './overview/overview-page.tsx';
import type { MailedLink } from './session/mailed-link.ts';
import { SessionProvider } from './session/session-provider.tsx';

// pages that a first visit does not show are loaded on demand
const KeysPage = lazy(() => import('./keys/keys-page.tsx'));
const KeyPage = lazy(() => import('./key/key-page.tsx'));
const AlertsPage = lazy(() => import('./alerts/alerts-page.tsx'));
const ThresholdsPage = lazy(() => import('./alerts/thresholds-page.tsx'));
const WebhooksPage = lazy(() => import('./alerts/webhooks-page.tsx'));
const WebhookPage = lazy(() => import('./alerts/webhook-page.tsx'));
const TargetsPage = lazy(() => import('./usage/targets-page.tsx'));
const OutcomesPage = lazy(() => import('./usage/outcomes-page.tsx'));
const AccountPage = lazy(() => import('./account/account-page.tsx'));
const FindKeysPage = lazy(() => import('./admin/find-keys-page.tsx'));
const AnyKeyPage = lazy(() => import('./admin/any-key-page.tsx'));
const UsersPage = lazy(() => import('./admin/users-page.tsx'));
const GrantsPage = lazy(() => import('./admin/grants-page.tsx'));

const queryClient = createQueryClient();

/** The whole app. Routes are in the URL's hash, so that a host needs no rewrite rules. */
export function App({ mailedLink }: { mailedLink: MailedLink | null }) {
  return (
    <ConfigurationProvider>
      <QueryClientProvider client={queryClient}>
        <HashRouter>
          <SessionProvider mailedLink={mailedLink}>
            {/* inside the session, so that one user's messages are not shown to the next */}
            <Announcer>
              <Routes>
                <Route element={<Shell />}>
                  <Route index element={<OverviewPage />} />
                  <Route path="keys" element={<KeysPage />} />
                  <Route path="keys/:keyId" element={<KeyPage />} />
                  <Route path="alerts" element={<AlertsPage />} />
                  <Route path="alerts/thresholds" element={<ThresholdsPage />} />
                  <Route path="alerts/webhooks" element={<WebhooksPage operator={false} />} />
                  <Route
                    path="alerts/webhooks/:webhookId"
                    element={<WebhookPage operator={false} />}
                  />
                  <Route path="usage/targets" element={<TargetsPage />} />
                  <Route path="usage/outcomes" element={<OutcomesPage />} />
                  <Route path="account" element={<AccountPage />} />
                  <Route element={<RequireAdmin />}>
                    <Route path="admin" element={<FindKeysPage />} />
                    <Route path="admin/keys/:keyId" element={<AnyKeyPage />} />
                    <Route path="admin/users" element={<UsersPage />} />
                    <Route path="admin/grants" element={<GrantsPage />} />
                    <Route path="admin/webhooks" element={<WebhooksPage operator />} />
                    <Route path="admin/webhooks/:webhookId" element={<WebhookPage operator />} />
                  </Route>
                  <Route path="*" element={<NotFoundPage />} />
                </Route>
              </Routes>
            </Announcer>
          </SessionProvider>
        </HashRouter>
      </QueryClientProvider>
    </ConfigurationProvider>
  );
}
