/** What a panel shows: expressions in PromQL by what their lines are called. */
export interface Panel {
  title: string;
  description: string;
  unit: 'reqps' | 'Bps' | 'bytes' | 's' | 'short' | 'percentunit' | 'dateTimeFromNow';
  queries: Record<string, string>;
  /** A value each in place of lines over time. */
  stat?: boolean;
}

/** Of the gateways that are chosen. */
const of = (more = '') => `{job="proxy-keys-gateway", instance=~"$instance"${more}}`;
const rate = (metric: string, more?: string) => `rate(${metric}${of(more)}[$__rate_interval])`;
const quantile = (q: number, metric: string, more?: string) =>
  `histogram_quantile(${q}, sum by (le) (${rate(`${metric}_bucket`, more)}))`;
const quantiles = (metric: string, more?: string) => ({
  'half are faster': quantile(0.5, metric, more),
  '99 % are faster': quantile(0.99, metric, more),
});

/** The dashboard's rows, in the order of a look from the customers' side to the machine's. */
export const rows: Record<string, Panel[]> = {
  Traffic: [
    {
      title: 'Requests by answer',
      description: 'CONNECTs and plain requests. `unavailable` and `internal` are faults of ours.',
      unit: 'reqps',
      queries: { '{{code}}': `sum by (code) (${rate('gateway_connects_total')})` },
    },
    {
      title: 'Bytes',
      description: 'Metered: sent to targets, and received from them.',
      unit: 'Bps',
      queries: { '{{direction}}': `sum by (direction) (${rate('gateway_bytes_total')})` },
    },
    {
      title: 'Open tunnels',
      description: 'By gateway.',
      unit: 'short',
      queries: { '{{instance}}': `gateway_open_tunnels${of()}` },
    },
    {
      title: 'From a request to its target',
      description: 'With the name, the look-up of the key and the connection.',
      unit: 's',
      queries: quantiles('gateway_connect_setup_seconds'),
    },
    {
      title: 'Connections dropped',
      description: 'Closed before a request could be read, by reason.',
      unit: 'reqps',
      queries: { '{{reason}}': `sum by (reason) (${rate('gateway_dropped_connections_total')})` },
    },
    {
      title: 'Keys asked for',
      description: 'Answered by the cache, asked of the database, or not answered.',
      unit: 'reqps',
      queries: { '{{result}}': `sum by (result) (${rate('gateway_key_requests_total')})` },
    },
  ],
  Health: [
    {
      title: 'Not ready',
      description: 'The reasons of /readyz, by gateway. Empty is well.',
      unit: 'short',
      queries: { '{{instance}}: {{code}}': `gateway_not_ready${of()}` },
    },
    {
      title: 'Usage that waits',
      description: 'Events in spools that the database has not taken.',
      unit: 'short',
      queries: { '{{instance}}': `gateway_spool_events${of()}` },
    },
    {
      title: 'The oldest of it',
      description: 'How late usage and quotas are.',
      unit: 's',
      queries: { '{{instance}}': `gateway_spool_oldest_seconds${of()}` },
    },
    {
      title: 'Events put aside',
      description: 'Size of rejected.ndjson: they are not billed.',
      unit: 'bytes',
      queries: { '{{instance}}': `gateway_put_aside_bytes${of()}` },
    },
    {
      title: 'Recording a batch',
      description: 'From handing events to the database to its answer.',
      unit: 's',
      queries: quantiles('gateway_record_seconds'),
    },
    {
      title: 'Events recorded',
      description: 'By what the database made of them.',
      unit: 'reqps',
      queries: { '{{outcome}}': `sum by (outcome) (${rate('gateway_usage_events_total')})` },
    },
    {
      title: 'Looking a key up',
      description: 'With the wait for a connection.',
      unit: 's',
      queries: quantiles('gateway_lookup_seconds'),
    },
    {
      title: 'Connections for look-ups',
      description: 'And how many look-ups wait for one.',
      unit: 'short',
      queries: {
        open: `sum(gateway_lookup_connections${of()})`,
        idle: `sum(gateway_lookup_connections_idle${of()})`,
        waiting: `sum(gateway_lookups_waiting${of()})`,
      },
    },
    {
      title: 'Resolving a name',
      description: 'Names that name servers answered; none from the cache.',
      unit: 's',
      queries: quantiles('gateway_name_resolution_seconds', ', result="ok"'),
    },
    {
      title: 'Changes of keys arrive',
      description: '1 while they are; else each request asks the database.',
      unit: 'short',
      queries: { '{{instance}}': `gateway_listening${of()}` },
    },
    {
      title: 'Rates are counted together',
      description: '1 while Redis answers; empty without Redis.',
      unit: 'short',
      queries: { '{{instance}}': `gateway_counting_together${of()}` },
    },
  ],
  Machine: [
    {
      title: 'A process keeps its clients waiting',
      description: "The event loop's delay, at its worst in 1 of 100 turns.",
      unit: 's',
      queries: { '{{instance}} {{worker}}': `nodejs_eventloop_lag_p99_seconds${of()}` },
    },
    {
      title: 'Processor time',
      description: 'In cores.',
      unit: 'short',
      queries: { '{{instance}} {{worker}}': rate('process_cpu_seconds_total') },
    },
    {
      title: 'Memory',
      description: 'Resident, by process.',
      unit: 'bytes',
      queries: { '{{instance}} {{worker}}': `process_resident_memory_bytes${of()}` },
    },
    {
      title: 'Sockets in use',
      description: 'Of those for clients and targets: at 100 % no client is taken.',
      unit: 'percentunit',
      queries: { '{{instance}}': `gateway_sockets_in_use_ratio${of()}` },
    },
    {
      title: 'Files and sockets open',
      description: 'By process.',
      unit: 'short',
      queries: { '{{instance}} {{worker}}': `process_open_fds${of()}` },
    },
    {
      title: 'The clock is behind',
      description: "The database's, whose time counts; negative is ahead.",
      unit: 's',
      queries: { '{{instance}}': `gateway_clock_offset_seconds${of()}` },
    },
    {
      title: 'Workers replaced',
      description: 'Processes that died, and their tunnels with them.',
      unit: 'short',
      queries: {
        '{{instance}}': `increase(gateway_workers_replaced_total${of()}[$__rate_interval])`,
      },
    },
  ],
  'Maintenance and versions': [
    {
      title: 'Maintenance ran last',
      description: 'The task that waits longest.',
      unit: 'dateTimeFromNow',
      queries: { 'the oldest': `max(gateway_maintenance_finished_seconds${of()}) * 1000` },
      stat: true,
    },
    {
      title: 'Reports that need a person',
      description: 'Of the last maintenance.',
      unit: 'short',
      queries: { reports: `max(gateway_maintenance_problems${of()})` },
      stat: true,
    },
    {
      title: 'Versions',
      description: 'How many gateways run each.',
      unit: 'short',
      queries: { '{{version}}': `count by (version) (gateway_build_info${of()})` },
      stat: true,
    },
    {
      title: "The schema's version",
      description: '0 until a gateway knows it.',
      unit: 'short',
      queries: { '{{instance}}': `gateway_schema_version${of()}` },
      stat: true,
    },
    {
      title: 'Certificates expire',
      description: 'Of the TLS port.',
      unit: 'dateTimeFromNow',
      queries: { '{{instance}}': `gateway_tls_certificate_expires_seconds${of()} * 1000` },
      stat: true,
    },
  ],
};
