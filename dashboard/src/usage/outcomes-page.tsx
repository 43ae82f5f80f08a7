import { useAddressFilters } from '../components/address-filters.ts';
import { EmptyState } from '../components/empty-state.tsx';
import { Loaded } from '../components/loaded.tsx';
import { exportOutcomes } from '../data/export-usage.ts';
import { useOutcomes } from '../data/use-burns.ts';
import { Page } from '../layout/page.tsx';
import { useSession } from '../session/session-context.ts';
import { hour, useNow } from '../usage-chart/use-now.ts';
import { BackLink } from './back-link.tsx';
import { CsvExport } from './csv-export.tsx';
import { ListBar } from './list-bar.tsx';
import { listChoices } from './list-choices.ts';
import { OutcomeChart } from './outcome-chart.tsx';
import { OutcomeTable } from './outcome-table.tsx';
import { boundsOf } from './span.ts';
import { SpanBar } from './span-bar.tsx';
import { SpanNote } from './span-note.tsx';
import { useSpan } from './use-span.ts';

const choicesOfList = listChoices('requests');

/**
 * How the requests of all keys or one key ended in a time span, and what to do: a list to sort and
 * download.
 */
export default function OutcomesPage() {
  const { supabase } = useSession();
  const [span, setSpan] = useSpan();
  const [choices, setChoices] = useAddressFilters(choicesOfList);
  const { key: keyId, sort } = choices;
  const bounds = boundsOf(span, useNow(hour));
  const query = { span: bounds, keyId, sort };
  const outcomes = useOutcomes(query);
  return (
    <Page title="Outcomes" above={<BackLink keyId={keyId} span={span} />}>
      <SpanBar span={span} onChange={setSpan} />
      <ListBar choices={choices} grouped={false} onChange={setChoices} />
      <Loaded query={outcomes} what="the outcomes">
        {(value) => (
          <>
            <SpanNote asked={bounds} answer={value} />
            {value.totals.requests === 0 ? (
              <EmptyState title="No requests in this time">
                <p>Choose other days or another key.</p>
              </EmptyState>
            ) : (
              <>
                <OutcomeChart value={value} />
                <CsvExport name="outcomes.csv" read={() => exportOutcomes(supabase, query)} />
                <OutcomeTable value={value} outcomes={value.outcomes} caption="Outcomes" />
              </>
            )}
          </>
        )}
      </Loaded>
    </Page>
  );
}
