import type pg from 'pg';

/** What a gateway knows of the database's maintenance, for its metrics. */
export interface MaintenanceWatch {
  /** When the longest waiting task last ran, in ms since 1970; null if a task never ran. */
  readonly finishedAt: number | null;
  /** How many reports of the tasks' last runs need an operator. */
  readonly problems: number;
  stop(): void;
}

interface StateRow {
  ms: string | null;
  problems: number;
}

/** Asks `gateway.maintenance_state` every minute; the last answer stays during an outage. */
export function watchMaintenance(
  client: Pick<pg.Pool, 'query'>,
  { everyMs = 60_000 }: { everyMs?: number } = {},
): MaintenanceWatch {
  let finishedAt: number | null = null;
  let problems = 0;
  const ask = async () => {
    const { rows } = await client.query<StateRow>(
      `select extract(epoch from s.finished_at) * 1000 as ms, s.problems
       from gateway.maintenance_state() as s`,
    );
    const [row] = rows;
    if (!row) return;
    finishedAt = row.ms === null ? null : Number(row.ms);
    ({ problems } = row);
  };
  // the gateway's readiness reports why the database does not answer
  const askAgain = () => void ask().catch(() => {});
  const timer = setInterval(askAgain, everyMs).unref();
  askAgain();
  return {
    get finishedAt() {
      return finishedAt;
    },
    get problems() {
      return problems;
    },
    stop: () => clearInterval(timer),
  };
}
