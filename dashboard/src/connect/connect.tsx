import { type Key, Tab, TabList, TabPanel, Tabs } from 'react-aria-components';
import { CopyBlock } from '../components/copy-block.tsx';
import { useConfiguration } from '../configuration-provider.tsx';
import { useChosenClient } from './chosen-client.ts';
import styles from './connect.module.css';
import { gatewayAddress } from './gateway-address.ts';
import { GatewayFacts } from './gateway-facts.tsx';
import { type ClientId, clientIds, clients, isClientId, snippetFor } from './snippets.ts';

/** How to send requests with a key: where to, and a snippet to copy for each client. */
export function Connect({ keyId, secret }: { keyId: string; secret?: string }) {
  const gateway = gatewayAddress(useConfiguration());
  const [chosen, setChosen] = useChosenClient();
  const choose = (id: Key) => {
    if (isClientId(id)) setChosen(id);
  };
  return (
    <div className={styles.connect}>
      <GatewayFacts gateway={gateway} />
      <Tabs selectedKey={chosen} onSelectionChange={choose} className={styles.tabs ?? ''}>
        <TabList aria-label="Client" className={styles.list ?? ''}>
          {clientIds.map((id) => (
            <Tab key={id} id={id} className={styles.tab ?? ''}>
              {clients[id].name}
            </Tab>
          ))}
        </TabList>
        {clientIds.map((id) => (
          <TabPanel key={id} id={id} className={styles.panel ?? ''}>
            <ClientSnippet id={id} of={{ gateway, keyId, ...(secret ? { secret } : {}) }} />
          </TabPanel>
        ))}
      </Tabs>
    </div>
  );
}

function ClientSnippet({ id, of }: { id: ClientId; of: Parameters<typeof snippetFor>[1] }) {
  const { name } = clients[id];
  const snippet = snippetFor(id, of);
  if (!snippet) return <p>{name} has no TLS to a proxy, and the gateway has no HTTP port.</p>;
  return (
    <CopyBlock name={name} value={snippet.text}>
      {snippet.note}
    </CopyBlock>
  );
}
