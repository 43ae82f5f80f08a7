import { Section } from '../key/section.tsx';
import { Connect } from './connect.tsx';

/** How to use a key with a stored secret. */
export function ConnectSection({ keyId }: { keyId: string }) {
  return (
    <Section title="Connect" framed>
      <p>
        Set the environment variable <code>PROXY_SECRET</code> to the secret that you stored. The
        snippets read it from there.
      </p>
      <Connect keyId={keyId} />
    </Section>
  );
}
