import { Field } from '../components/field.tsx';
import { useSession } from '../session/session-context.ts';

const secretUrl = 'Whoever has it can write there, so it is not shown again.';
const urls: Record<string, { label: string; hint: string; placeholder: string }> = {
  webhook: {
    label: 'URL',
    hint: 'It gets each alert as JSON in a POST, signed as Standard Webhooks says.',
    placeholder: 'https://example.com/alerts',
  },
  slack: {
    label: 'URL of an incoming webhook',
    hint: secretUrl,
    placeholder: 'https://hooks.slack.com/services/…',
  },
  discord: {
    label: 'URL of a webhook',
    hint: secretUrl,
    placeholder: 'https://discord.com/api/webhooks/…',
  },
};

/** What a kind of webhook needs to reach its receiver. */
export function KindFields({ kind }: { kind: string }) {
  const { email } = useSession();
  if (kind === 'email') {
    return <p>Alerts are mailed to your account’s confirmed address, {email}.</p>;
  }
  // what was typed for one kind is not sent to another
  if (kind === 'pagerduty') {
    return (
      <Field
        key={kind}
        label="Integration key"
        hint="The 32 characters of an integration with the Events API v2. They are not shown again."
      >
        <input name="routing_key" required autoComplete="off" spellCheck={false} />
      </Field>
    );
  }
  const url = urls[kind];
  return (
    url && (
      <Field key={kind} label={url.label} hint={url.hint}>
        <input
          name="url"
          required
          inputMode="url"
          placeholder={url.placeholder}
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
        />
      </Field>
    )
  );
}
