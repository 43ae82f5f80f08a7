import { useQuery } from '@tanstack/react-query';
import type { KnownConfiguration } from '../configuration.ts';

/** The sign-in options of a project that this page offers. */
export interface AuthSettings {
  passkeys: boolean;
  signUp: boolean;
}

/** Reads the project's Auth settings. Until they are loaded, returns what most projects have. */
export function useAuthSettings({ supabaseUrl, publishableKey }: KnownConfiguration): AuthSettings {
  const { data } = useQuery({
    queryKey: ['auth-settings'],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async (): Promise<AuthSettings> => {
      const url = `${supabaseUrl}/auth/v1/settings`;
      const response = await fetch(url, { headers: { apikey: publishableKey }, cache: 'no-store' });
      const read: Record<string, unknown> = response.ok ? await response.json() : {};
      return {
        passkeys: read.passkeys_enabled === true && 'PublicKeyCredential' in globalThis,
        signUp: read.disable_signup !== true,
      };
    },
  });
  return data ?? { passkeys: false, signUp: true };
}
