import { Plus } from 'lucide-react';
import { useState } from 'react';
import { firstOf, text, useAddressFilters } from '../components/address-filters.ts';
import { Button } from '../components/button.tsx';
import { EmptyState } from '../components/empty-state.tsx';
import type { TierGrant } from '../data/key.ts';
import { useGrants } from '../data/use-grants.ts';
import { counted } from '../format/amount.ts';
import { Page } from '../layout/page.tsx';
import { AdminNav } from './admin-nav.tsx';
import { GrantDialog } from './grant-dialog.tsx';
import { GrantForm } from './grant-form.tsx';
import { GrantTable } from './grant-table.tsx';
import { Paged } from './paged.tsx';
import { TakeBackDialog } from './take-back-dialog.tsx';

const grantFilters = { user: text, tier: text };

/** The tiers granted to users. */
export default function GrantsPage() {
  const [filters, search] = useAddressFilters(grantFilters, { push: true });
  const { user, tier } = filters;
  const grants = useGrants({ ...(user ? { user } : {}), ...(tier ? { tier } : {}) });
  const [dialog, setDialog] = useState<'grant' | TierGrant>();
  const close = () => setDialog(undefined);
  return (
    <Page
      title="Granted tiers"
      above={<AdminNav />}
      actions={
        <Button kind="primary" onClick={() => setDialog('grant')}>
          <Plus size={18} aria-hidden />
          Grant tier
        </Button>
      }
    >
      <GrantForm filters={filters} onSearch={(sought) => search(sought) || void grants.refetch()} />
      <Paged
        query={grants}
        what="the grants"
        count={(found) => counted(found.length, 'grant')}
        none={
          user || tier ? (
            <EmptyState title="No grants match this search">
              <p>Enter a complete e-mail address or user ID.</p>
              <Button onClick={() => search(firstOf(grantFilters))}>Show all grants</Button>
            </EmptyState>
          ) : (
            <EmptyState title="No grants yet">
              <p>Users need a grant to create keys of a tier that is not self-serve.</p>
            </EmptyState>
          )
        }
      >
        {(found) => <GrantTable grants={found} onTakeBack={setDialog} />}
      </Paged>
      {dialog === 'grant' && <GrantDialog onClose={close} />}
      {typeof dialog === 'object' && <TakeBackDialog value={dialog} onClose={close} />}
    </Page>
  );
}
