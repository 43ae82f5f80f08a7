import { Link } from 'react-router';
import { Loaded } from '../components/loaded.tsx';
import { WhenNear } from '../components/when-near.tsx';
import { useReader } from '../data/reader.ts';
import { useOutcomes } from '../data/use-burns.ts';
import { Section } from '../key/section.tsx';
import { hour, useNow } from '../usage-chart/use-now.ts';
import styles from './burn-table.module.css';
import { OutcomeChart } from './outcome-chart.tsx';
import { OutcomeTable } from './outcome-table.tsx';
import { boundsOf, type OfSpan, withSpan } from './span.ts';
import { SpanNote } from './span-note.tsx';

const most = 5;

/** How requests of all keys or one key ended over time, and what to do about refusals and failures. */
export function OutcomesSection({ span, keyId }: OfSpan) {
  const { asked } = useReader();
  const list = withSpan(`/usage/outcomes${keyId ? `?key=${keyId}` : ''}`, span);
  return (
    <Section
      title={keyId ? 'Outcomes of this key' : 'Outcomes'}
      actions={
        // the list shows only the reader's own keys
        !asked.as_admin && (
          <span className={styles.links}>
            <Link to={list}>All outcomes</Link>
          </span>
        )
      }
    >
      <WhenNear>
        <WorstOutcomes span={span} keyId={keyId} />
      </WhenNear>
    </Section>
  );
}

function WorstOutcomes({ span, keyId }: OfSpan) {
  const bounds = boundsOf(span, useNow(hour));
  const outcomes = useOutcomes({ span: bounds, keyId, sort: 'errors' });
  return (
    <Loaded query={outcomes} what="the outcomes">
      {(value) => {
        const wrong = value.outcomes.filter(({ kind }) => kind !== 'ok');
        return (
          <>
            <SpanNote asked={bounds} answer={value} />
            <OutcomeChart value={value} />
            {wrong.length > 0 && (
              <OutcomeTable
                value={value}
                outcomes={wrong.slice(0, most)}
                caption="The most frequent refusals and failures, and what to do"
              />
            )}
          </>
        );
      }}
    </Loaded>
  );
}
