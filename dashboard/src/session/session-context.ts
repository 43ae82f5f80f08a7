import { createContext, use } from 'react';
import type { Supabase } from '../data/database.ts';

/** Who is signed in, and the project through that user's token. */
export interface SignedIn {
  supabase: Supabase;
  userId: string;
  email: string;
  /** What to show; what an admin may do, the database decides. */
  isAdmin: boolean;
  /** Ends the session in this browser, also where the project cannot be reached. */
  signOut(): Promise<void>;
}

export const SessionContext = createContext<SignedIn | null>(null);

/** Who is signed in. Only inside of SessionProvider, which shows nothing to anybody else. */
export function useSession(): SignedIn {
  const signedIn = use(SessionContext);
  if (!signedIn) throw new Error('outside of SessionProvider');
  return signedIn;
}
