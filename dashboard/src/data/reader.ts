import { createContext, useContext } from 'react';

/** Whose keys a part of the page reads. */
export interface Reader {
  /** What its reads ask for beside what they are about. */
  asked: { as_admin?: true };
  /** Of the key that an admin reads; null once the account is removed. */
  ownerId?: string | null;
}

const owner: Reader = { asked: {} };

/** By whom the key below is read: by its owner, unless an admin's page says otherwise. */
export const ReaderContext = createContext<Reader>(owner);

/** By whom the key is read. */
export function useReader(): Reader {
  return useContext(ReaderContext);
}
