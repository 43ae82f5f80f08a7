import { Badge } from '../components/badge.tsx';
import { CopyField } from '../components/copy-field.tsx';
import type { Key } from '../data/key.ts';
import { dateTime } from '../format/time.ts';
import { type KeyState, stateOf } from '../keys/key-state.ts';
import { moment, useNow } from '../usage-chart/use-now.ts';
import { Fact, Facts } from './facts.tsx';
import styles from './key-page.module.css';

const whyNoRotation: Partial<Record<KeyState['state'], string>> = {
  suspended: 'You can rotate its secret after an admin reactivates it.',
  expired: 'You can rotate its secret after you set a new expiry.',
};

/** The key's state and its properties. */
export function KeyHead({ value: key }: { value: Key }) {
  const state = stateOf(key, useNow(moment));
  return (
    <div className={styles.head}>
      <div className={styles.state}>
        <Badge kind={state.kind}>{state.name}</Badge>
        {state.explanation && <span>{state.explanation}</span>}
        {state.reason && (
          <span>
            Reason: <bdi>{state.reason}</bdi>
          </span>
        )}
        {whyNoRotation[state.state] && <span>{whyNoRotation[state.state]}</span>}
      </div>
      <CopyField name="Key ID" value={key.key_id} />
      <Facts>
        <Fact name="Tier">{key.tier}</Fact>
        <Fact name="Mode">{key.live_mode ? 'Live, billed' : 'Test, never billed'}</Fact>
        <Fact name="Created">{dateTime(key.created_at)}</Fact>
        <Fact name="Rotated">{key.rotated_at ? dateTime(key.rotated_at) : 'Never'}</Fact>
        <Fact name="Last used">{key.last_used_at ? dateTime(key.last_used_at) : 'Never'}</Fact>
      </Facts>
    </div>
  );
}
