import { Field } from '../components/field.tsx';
import { useSession } from '../session/session-context.ts';

const secretUrl = 'Anybody who has it can write there, so it is not shown again.';
const urls: Record<string, { label: string; hint: string; placeholder: string; rule: string }> = {
  webhook: {
    label: 'URL',
    hint: 'It gets each alert as JSON in a POST, signed as Standard Webhooks says.',
    placeholder: 'https://example.com/alerts',
    rule: 'Enter a whole URL that begins with https://, without a user name and without a “#”.',
  },
  slack: {
    label: 'URL of an incoming webhook',
    hint: secretUrl,
    placeholder: 'https://hooks.slack.com/services/…',
    rule: 'Enter a URL that begins with https://hooks.slack.com/.',
  },
  discord: {
    label: 'URL of a webhook',
    hint: secretUrl,
    placeholder: 'https://discord.com/api/webhooks/…',
    rule: 'Enter a URL that begins with https://discord.com/.',
  },
};

/**
 * What a kind of webhook needs to reach its receiver. `wrong` is what the database refused of it, if
 * anything: `url` or `routing_key`.
 */
export function KindFields({ kind, wrong }: { kind: string; wrong: string | undefined }) {
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
        error={wrong === 'routing_key' ? 'Enter its 32 letters and digits.' : undefined}
      >
        <input name="routing_key" required autoComplete="off" spellCheck={false} />
      </Field>
    );
  }
  const url = urls[kind];
  return (
    url && (
      <Field
        key={kind}
        label={url.label}
        hint={url.hint}
        error={wrong === 'url' ? url.rule : undefined}
      >
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
