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

/** The keys of all users, and what an admin can do with them. */
export default function FindKeysPage() {
  const [filters, search] = useAddressFilters(findFilters, { push: true });
  const wanted = toQuery(filters);
  const keys = useFoundKeys(wanted);
  const [dialog, setDialog] = useState<OpenFoundKeyDialog>();
  const close = () => setDialog(undefined);
  const navigate = useNavigate();
  const find = (sought: FindFilters) => {
    const one = keyReference(sought.key);
    // a whole name means one key
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
            <EmptyState title="There are no keys yet">
              <p>As soon as anybody creates one, it is here.</p>
            </EmptyState>
          ) : (
            <EmptyState title="No key fits this search">
              <p>A key ID and a user are looked for as a whole, a label by any part of it.</p>
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
