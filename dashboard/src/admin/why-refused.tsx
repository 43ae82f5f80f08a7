import { Badge } from '../components/badge.tsx';
import { CopyField } from '../components/copy-field.tsx';
import type { UsageEvent } from '../data/key.ts';
import type { KeyReading } from '../data/use-any-key.ts';
import { dateTime } from '../format/time.ts';
import { Status } from '../key/event-table.tsx';
import { Fact, Facts } from '../key/facts.tsx';
import styles from '../key/key-page.module.css';
import { moment, useNow } from '../usage-chart/use-now.ts';
import { verdictOf } from './verdict.ts';

/** Whether the gateway refuses the key, why, and the result of its last request. */
export function WhyRefused({ value }: { value: KeyReading }) {
  const { key, last_event: last } = value;
  const now = useNow(moment);
  const verdict = verdictOf(value);
  const inGrace = key.grace_ends_at && Date.parse(key.grace_ends_at) > now;
  return (
    <section aria-label="Key status" className={styles.head}>
      <div className={styles.state}>
        <Badge kind={verdict.kind}>{verdict.name}</Badge>
        {verdict.refusal && (
          <span>
            The gateway returns <code>{verdict.refusal}</code>.
          </span>
        )}
        <span>{verdict.why}</span>
        {verdict.reason && (
          <span>
            Reason: <bdi>{verdict.reason}</bdi>
          </span>
        )}
        <span>{verdict.next}</span>
      </div>
      <Facts stacked>
        <Fact name="Last request">
          {last ? (
            <LastRequest value={last} />
          ) : (
            'No event is kept. Requests with a suspended, expired or deleted key are not recorded.'
          )}
        </Fact>
      </Facts>
      <CopyField name="Key ID" value={key.key_id} />
      <Facts>
        <Fact name="Tier">{key.tier}</Fact>
        <Fact name="Mode">{key.live_mode ? 'Live, billed' : 'Test, never billed'}</Fact>
        <Fact name="Created">{dateTime(key.created_at)}</Fact>
        <Fact name="Rotated">
          {key.rotated_at ? dateTime(key.rotated_at) : 'Never'}
          {inGrace && ' The old secret works for a few more seconds.'}
        </Fact>
        <Fact name="Last used">{key.last_used_at ? dateTime(key.last_used_at) : 'Never'}</Fact>
      </Facts>
    </section>
  );
}

function LastRequest({ value: event }: { value: UsageEvent }) {
  return (
    <>
      <span>
        <Badge kind={event.code ? 'warning' : 'good'}>{event.code ? 'Not served' : 'Served'}</Badge>{' '}
        {dateTime(event.occurred_at)}, <bdi>{event.method}</bdi> <bdi>{event.target_host}</bdi>
      </span>
      <div>
        <Status value={event} />
      </div>
    </>
  );
}
