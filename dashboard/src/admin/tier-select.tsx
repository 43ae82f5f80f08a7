import { Field } from '../components/field.tsx';
import { useTiers } from '../data/use-tiers.ts';
import type { Bound } from './search-form.tsx';

/** A filter by tier. The URL's tier is offered even before the tiers are loaded. */
export function TierSelect({ bound }: { bound: Bound }) {
  const { data = [] } = useTiers();
  const tiers = new Set(data.map(({ tier }) => tier));
  if (bound.value) tiers.add(bound.value);
  return (
    <Field label="Tier">
      <select {...bound}>
        <option value="">All</option>
        {[...tiers].map((tier) => (
          <option key={tier}>{tier}</option>
        ))}
      </select>
    </Field>
  );
}
