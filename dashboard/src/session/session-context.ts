import type { AuthError } from '@supabase/supabase-js';
import { createContext, use } from 'react';
import type { Supabase } from '../data/database.ts';

/** Who is signed in, and the project through that user's token. */
export interface SignedIn {
  supabase: Supabase;
  userId: string;
  email: string;
  /** What to show; what an admin may do, the database decides. */
  isAdmin: boolean;
  /** Whether the sign-in had a second factor, which is what the token says. */
  hasSecondFactor: boolean;
  /** Ends the session in this browser, also where the project cannot be reached. */
  signOut(): Promise<void>;
  /** Ends all sessions of the user, or none: then with the reason. */
  signOutEverywhere(): Promise<AuthError | null>;
}

export const SessionContext = createContext<SignedIn | null>(null);

/** Who is signed in. Only inside of SessionProvider, which shows nothing to anybody else. */
export function useSession(): SignedIn {
  const signedIn = use(SessionContext);
  if (!signedIn) throw new Error('outside of SessionProvider');
  return signedIn;
}
