import { network } from './network.ts';

/** The settings that an operator or the local stack makes as secrets of the function. */
export interface Settings {
  /** Also allows loopback and plain HTTP; only for the local stack. */
  allowLocal: boolean;
  /** Replaces the system's name server, for tests: `127.0.0.1:5353`. */
  nameServer: { ipAddr: string; port: number } | undefined;
  /** Certificates to trust besides the system's, in PEM, for tests. */
  caCertificates: string[];
  /** The Resend API key and the sender of mails; without them no mail is sent. */
  resend: { key: string; from: string; url: string } | undefined;
  pagerdutyUrl: string;
}

/** Reads the settings from the environment. */
export function readSettings(get = network.env.get): Settings {
  const [ipAddr, port = '53'] = (get('DELIVER_NAME_SERVER') ?? '').split(':');
  const [key, from] = [get('RESEND_API_KEY'), get('ALERTS_FROM')];
  const certificate = get('DELIVER_CA_CERTIFICATE');
  const url = get('RESEND_URL') ?? 'https://api.resend.com/emails';
  return {
    allowLocal: get('DELIVER_ALLOW_LOCAL') === 'true',
    nameServer: ipAddr ? { ipAddr, port: Number(port) } : undefined,
    caCertificates: certificate ? [certificate] : [],
    resend: key && from ? { key, from, url } : undefined,
    pagerdutyUrl: get('PAGERDUTY_URL') ?? 'https://events.pagerduty.com/v2/enqueue',
  };
}
