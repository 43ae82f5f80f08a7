/** `proxy_delivery`: a delivery that this invocation claimed, with everything that an attempt needs. */
export interface ClaimedDelivery {
  id: string;
  claim: string;
  kind: 'webhook' | 'slack' | 'discord' | 'pagerduty' | 'email';
  url: string | null;
  headers: Record<string, string> | null;
  body: string | null;
  routing_key: string | null;
  address: string | null;
  alert: Alert;
}

/** An alert as it is sent to webhooks. */
export interface Alert {
  id: string;
  type: string;
  /** RFC 3339. */
  timestamp: string;
  data: Record<string, unknown>;
}
