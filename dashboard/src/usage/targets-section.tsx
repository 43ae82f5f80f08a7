import { Link } from 'react-router';
import { Loaded } from '../components/loaded.tsx';
import { WhenNear } from '../components/when-near.tsx';
import { useTargets } from '../data/use-burns.ts';
import { Section } from '../key/section.tsx';
import { hour, useNow } from '../usage-chart/use-now.ts';
import styles from './burn-table.module.css';
import { boundsOf, type OfSpan, withSpan } from './span.ts';
import { SpanNote } from './span-note.tsx';
import { TargetTable } from './target-table.tsx';

/** The targets with the most traffic, of all keys or one key. */
export function TargetsSection({ span, keyId }: OfSpan) {
  const list = withSpan(`/usage/targets${keyId ? `?key=${keyId}` : ''}`, span);
  return (
    <Section
      title={keyId ? 'Targets of this key' : 'Top targets'}
      actions={
        <span className={styles.links}>
          <Link to={list}>All targets</Link>
        </span>
      }
    >
      <WhenNear>
        <TopTargets span={span} keyId={keyId} />
      </WhenNear>
    </Section>
  );
}

function TopTargets({ span, keyId }: OfSpan) {
  const bounds = boundsOf(span, useNow(hour));
  const targets = useTargets({ span: bounds, keyId, sort: 'bytes' }, { by: 'host', limit: 5 });
  return (
    <Loaded query={targets} what="the targets">
      {(value) => (
        <>
          <SpanNote asked={bounds} answer={value} />
          {value.totals.requests === 0 && value.targets.length === 0 ? (
            <p className={styles.note}>No targets in this time.</p>
          ) : (
            <TargetTable value={value} caption="The targets with the most traffic" />
          )}
        </>
      )}
    </Loaded>
  );
}
