import { Section } from '../key/section.tsx';
import { Connect } from './connect.tsx';

/** How to use a key whose secret was stored elsewhere. */
export function ConnectSection({ keyId }: { keyId: string }) {
  return (
    <Section title="Connect" framed>
      <p>
        Put the secret that you stored into the environment variable <code>PROXY_SECRET</code>, from
        which each snippet reads it.
      </p>
      <Connect keyId={keyId} />
    </Section>
  );
}
