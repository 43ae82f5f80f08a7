import type { AuthError } from '@supabase/supabase-js';
import { createContext, use } from 'react';
import type { Supabase } from '../data/database.ts';

/** The signed-in user, and a client with the user's token. */
export interface SignedIn {
  supabase: Supabase;
  userId: string;
  email: string;
  /** Only for display: the database enforces permissions. */
  isAdmin: boolean;
  /** Whether the sign-in had a second factor, according to the token. */
  hasSecondFactor: boolean;
  /** Ends the session in this browser, even if the project cannot be reached. */
  signOut(): Promise<void>;
  /** Ends all sessions of the user, or returns why it ended none. */
  signOutEverywhere(): Promise<AuthError | null>;
}

export const SessionContext = createContext<SignedIn | null>(null);

/** The signed-in user. Only inside SessionProvider, which renders its children only for a signed-in user. */
export function useSession(): SignedIn {
  const signedIn = use(SessionContext);
  if (!signedIn) throw new Error('outside of SessionProvider');
  return signedIn;
}
