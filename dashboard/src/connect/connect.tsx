import { CopyBlock } from '../components/copy-block.tsx';
import { Tabs } from '../components/tabs.tsx';
import { useConfiguration } from '../configuration-provider.tsx';
import { useChosenClient } from './chosen-client.ts';
import styles from './connect.module.css';
import { gatewayAddress } from './gateway-address.ts';
import { GatewayFacts } from './gateway-facts.tsx';
import { type ClientId, clientIds, clients, snippetFor } from './snippets.ts';

/** How to send requests with a key: the gateway, and a snippet for each client. */
export function Connect({ keyId, secret }: { keyId: string; secret?: string }) {
  const gateway = gatewayAddress(useConfiguration());
  const [chosen, setChosen] = useChosenClient();
  return (
    <div className={styles.connect}>
      <GatewayFacts gateway={gateway} />
      <Tabs
        label="Client"
        selected={chosen}
        onSelect={setChosen}
        tabs={clientIds.map((id) => ({
          id,
          name: clients[id].name,
          content: <ClientSnippet id={id} of={{ gateway, keyId, ...(secret ? { secret } : {}) }} />,
        }))}
      />
    </div>
  );
}

function ClientSnippet({ id, of }: { id: ClientId; of: Parameters<typeof snippetFor>[1] }) {
  const { name } = clients[id];
  const snippet = snippetFor(id, of);
  if (!snippet)
    return <p>{name} does not support TLS to a proxy, and the gateway has no HTTP port.</p>;
  return (
    <CopyBlock name={name} value={snippet.text}>
      {snippet.note}
    </CopyBlock>
  );
}
