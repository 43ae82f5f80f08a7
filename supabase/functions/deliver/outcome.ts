/** What came of an attempt: stable codes, which docs/alerts.md explains. */
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

/** An attempt that did not get as far as an answer. */
export class Undelivered extends Error {
  readonly outcome: Outcome;

  constructor(outcome: Outcome) {
    super(outcome);
    this.name = 'Undelivered';
    this.outcome = outcome;
  }
}
