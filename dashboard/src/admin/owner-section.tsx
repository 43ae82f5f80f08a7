import { Link } from 'react-router';
import { Badge } from '../components/badge.tsx';
import { CopyField } from '../components/copy-field.tsx';
import type { Person } from '../data/use-any-key.ts';
import { dateTime } from '../format/time.ts';
import facts from '../key/facts.module.css';
import { Section } from '../key/section.tsx';

/** The key's owner, with a link to the owner's other keys. */
export function OwnerSection({ value: owner }: { value: Person }) {
  if (!owner.user_id || owner.removed) {
    return (
      <Section title="Owner" framed>
        <p>The account was removed and its keys were deleted. Their usage is kept.</p>
      </Section>
    );
  }
  return (
    <Section title="Owner" framed>
      <p>
        <bdi>{owner.email ?? 'No e-mail address'}</bdi> <Barred value={owner} />
      </p>
      <CopyField name="User ID" value={owner.user_id} />
      <Link to={keysOf(owner.user_id)} className={facts.link ?? ''}>
        All keys of this user
      </Link>
      <Link to={`/admin/users?user=${owner.user_id}`} className={facts.link ?? ''}>
        Usage of this user
      </Link>
    </Section>
  );
}

/** The admins' page with a user's keys. */
export const keysOf = (userId: string) => `/admin?user=${userId}`;

/** Marks a banned or removed account. */
export function Barred({ value: { barred_until: until, removed } }: { value: Person }) {
  if (removed) return <Badge kind="neutral">Removed</Badge>;
  if (!until) return null;
  return (
    <Badge kind="bad">
      {until.startsWith('2100') ? 'Banned permanently' : `Banned until ${dateTime(until)}`}
    </Badge>
  );
}
