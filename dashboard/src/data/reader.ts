import { createContext, useContext } from 'react';

/** Who reads a key on a part of the page. */
export interface Reader {
  /** Extra arguments for its reads. */
  asked: { as_admin?: true };
  /** The owner of the key that an admin reads; null if the account was removed. */
  ownerId?: string | null;
}

const owner: Reader = { asked: {} };

/** The reader of the keys below: the owner, unless an admin's page provides another. */
export const ReaderContext = createContext<Reader>(owner);

/** The reader of the key. */
export function useReader(): Reader {
  return useContext(ReaderContext);
}
