import { useAddressFilters } from '../components/address-filters.ts';
import { EmptyState } from '../components/empty-state.tsx';
import { Loaded } from '../components/loaded.tsx';
import { exportTargets } from '../data/export-usage.ts';
import { useTargets } from '../data/use-burns.ts';
import { Page } from '../layout/page.tsx';
import { useSession } from '../session/session-context.ts';
import { hour, useNow } from '../usage-chart/use-now.ts';
import { BackLink } from './back-link.tsx';
import { CsvExport } from './csv-export.tsx';
import { ListBar } from './list-bar.tsx';
import { listChoices } from './list-choices.ts';
import { boundsOf } from './span.ts';
import { SpanBar } from './span-bar.tsx';
import { SpanNote } from './span-note.tsx';
import { TargetTable } from './target-table.tsx';
import { useSpan } from './use-span.ts';

const limit = 200;

const choicesOfList = listChoices('bytes');

/** The traffic of all keys or one key to each target in a time span: a list to sort and download. */
export default function TargetsPage() {
  const { supabase } = useSession();
  const [span, setSpan] = useSpan();
  const [choices, setChoices] = useAddressFilters(choicesOfList);
  const { key: keyId, by, sort } = choices;
  const bounds = boundsOf(span, useNow(hour));
  const query = { span: bounds, keyId, sort };
  const targets = useTargets(query, { by, limit });
  return (
    <Page title="Targets" above={<BackLink keyId={keyId} span={span} />}>
      <SpanBar span={span} onChange={setSpan} />
      <ListBar choices={choices} grouped onChange={setChoices} />
      <Loaded query={targets} what="the targets">
        {(value) => (
          <>
            <SpanNote asked={bounds} answer={value} />
            {value.totals.requests === 0 && value.targets.length === 0 ? (
              <EmptyState title="No targets in this time">
                <p>Choose other days or another key.</p>
              </EmptyState>
            ) : (
              <>
                <CsvExport name="targets.csv" read={() => exportTargets(supabase, query, by)} />
                <TargetTable value={value} caption="Targets" />
              </>
            )}
          </>
        )}
      </Loaded>
    </Page>
  );
}
