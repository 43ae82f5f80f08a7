import { createContext, type ReactNode, use, useEffect, useState } from 'react';
import { Button } from './components/button.tsx';
import { FullPage } from './components/full-page.tsx';
import {
  ConfigurationMissing,
  type KnownConfiguration,
  readConfiguration,
} from './configuration.ts';

const ConfigurationContext = createContext<KnownConfiguration | null>(null);

/** The project that the page belongs to. */
export function useConfiguration(): KnownConfiguration {
  const configuration = use(ConfigurationContext);
  if (!configuration) throw new Error('outside of ConfigurationProvider');
  return configuration;
}

/** Shows its children once the page's configuration is loaded. */
export function ConfigurationProvider({ children }: { children: ReactNode }) {
  const [configuration, setConfiguration] = useState<KnownConfiguration>();
  const [failure, setFailure] = useState<unknown>();
  const [attempt, setAttempt] = useState(0);

  // biome-ignore lint/correctness/useExhaustiveDependencies: each attempt reads again
  useEffect(() => {
    readConfiguration().then(setConfiguration, setFailure);
  }, [attempt]);

  if (configuration)
    return <ConfigurationContext value={configuration}>{children}</ConfigurationContext>;
  if (failure === undefined) return null;
  if (failure instanceof ConfigurationMissing) {
    return (
      <FullPage title="This page is not configured">
        <p>
          <code>config.json</code> is missing or invalid: it must name the project, its publishable
          key and its gateway. Build the page again with <code>SUPABASE_URL</code>,{' '}
          <code>SUPABASE_PUBLISHABLE_KEY</code> and <code>PROXY_GATEWAY_URL</code>.
        </p>
      </FullPage>
    );
  }
  const again = () => {
    setFailure(undefined);
    setAttempt(attempt + 1);
  };
  return (
    <FullPage title="No connection">
      <p>The page’s configuration could not be loaded. Check your connection, then try again.</p>
      <Button kind="primary" onClick={again}>
        Try again
      </Button>
    </FullPage>
  );
}
