import { useState } from 'react';
import { useNavigate } from 'react-router';
import { firstOf, useAddressFilters } from '../components/address-filters.ts';
import { Button } from '../components/button.tsx';
import { EmptyState } from '../components/empty-state.tsx';
import { useFoundKeys } from '../data/use-found-keys.ts';
import { counted } from '../format/amount.ts';
import { Page } from '../layout/page.tsx';
import { AdminNav } from './admin-nav.tsx';
import { type FindFilters, findFilters, keyReference, toQuery } from './find-filters.ts';
import { FindForm } from './find-form.tsx';
import { FoundKeyDialog, type OpenFoundKeyDialog } from './found-key-dialog.tsx';
import { FoundKeyTable } from './found-key-table.tsx';
import { Paged } from './paged.tsx';

/** The keys of all users, with an admin's actions. */
export default function FindKeysPage() {
  const [filters, search] = useAddressFilters(findFilters, { push: true });
  const wanted = toQuery(filters);
  const keys = useFoundKeys(wanted);
  const [dialog, setDialog] = useState<OpenFoundKeyDialog>();
  const close = () => setDialog(undefined);
  const navigate = useNavigate();
  const find = (sought: FindFilters) => {
    const one = keyReference(sought.key);
    // a complete key ID leads to that key's page
    if (one) void navigate(`/admin/keys/${one}`);
    else if (!search(sought)) void keys.refetch();
  };
  return (
    <Page title="Keys of all users" above={<AdminNav />}>
      <FindForm filters={filters} onSearch={find} />
      <Paged
        query={keys}
        what="the keys"
        count={(found) => counted(found.length, 'key')}
        none={
          Object.keys(wanted).length === 0 ? (
            <EmptyState title="No keys yet">
              <p>Keys appear here when users create them.</p>
            </EmptyState>
          ) : (
            <EmptyState title="No keys match this search">
              <p>Enter a complete key ID or user, or any part of a label.</p>
              <Button onClick={() => search(firstOf(findFilters))}>Show all keys</Button>
            </EmptyState>
          )
        }
      >
        {(found) => <FoundKeyTable keys={found} onAction={setDialog} />}
      </Paged>
      <FoundKeyDialog open={dialog} onClose={close} />
    </Page>
  );
}
