import { Field } from '../components/field.tsx';
import { useSession } from '../session/session-context.ts';

const secretUrl = 'Anyone who has this URL can post to the channel, so it is not shown again.';
const urls: Record<string, { label: string; hint: string; placeholder: string; rule: string }> = {
  webhook: {
    label: 'URL',
    hint: 'Receives each alert as a JSON POST request, signed according to Standard Webhooks.',
    placeholder: 'https://example.com/alerts',
    rule: 'Enter a complete URL that starts with https://, without a user name and without “#”.',
  },
  slack: {
    label: 'Incoming webhook URL',
    hint: secretUrl,
    placeholder: 'https://hooks.slack.com/services/…',
    rule: 'Enter a URL that starts with https://hooks.slack.com/.',
  },
  discord: {
    label: 'Webhook URL',
    hint: secretUrl,
    placeholder: 'https://discord.com/api/webhooks/…',
    rule: 'Enter a URL that starts with https://discord.com/.',
  },
};

/**
 * The fields that a kind of webhook needs. `wrong` is the field that the database refused, if any:
 * `url` or `routing_key`.
 */
export function KindFields({ kind, wrong }: { kind: string; wrong: string | undefined }) {
  const { email } = useSession();
  if (kind === 'email') {
    return <p>Alerts are sent to your account’s confirmed e-mail address, {email}.</p>;
  }
  // the `key` clears the field when the kind changes
  if (kind === 'pagerduty') {
    return (
      <Field
        key={kind}
        label="Integration key"
        hint="The 32 characters of an Events API v2 integration. Not shown again."
        error={wrong === 'routing_key' ? 'Enter the 32 letters and digits.' : undefined}
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
