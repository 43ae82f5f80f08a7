/** The outcome of an attempt: stable codes, explained in docs/alerts.md. */
export type Outcome =
  | 'delivered'
  | 'refused_status'
  | 'redirected'
  | 'timed_out'
  | 'not_resolved'
  | 'target_forbidden'
  | 'not_connected'
  | 'tls_failed'
  | 'broke_off'
  | 'not_configured';

/** An attempt that failed before it got a response. */
export class Undelivered extends Error {
  readonly outcome: Outcome;

  constructor(outcome: Outcome) {
    super(outcome);
    this.name = 'Undelivered';
    this.outcome = outcome;
  }
}
