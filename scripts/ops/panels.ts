/** A panel: PromQL expressions by legend. */
export interface Panel {
  title: string;
  description: string;
  unit: 'reqps' | 'Bps' | 'bytes' | 's' | 'short' | 'percentunit' | 'dateTimeFromNow';
  queries: Record<string, string>;
  /** Shows single values instead of lines over time. */
  stat?: boolean;
}

/** Selects the chosen gateways. */
const of = (more = '') => `{job="proxy-keys-gateway", instance=~"$instance"${more}}`;
const rate = (metric: string, more?: string) => `rate(${metric}${of(more)}[$__rate_interval])`;
const quantile = (q: number, metric: string, more?: string) =>
  `histogram_quantile(${q}, sum by (le) (${rate(`${metric}_bucket`, more)}))`;
const quantiles = (metric: string, more?: string) => ({
  median: quantile(0.5, metric, more),
  '99th percentile': quantile(0.99, metric, more),
});

/** The dashboard's rows, from the customers' side to the machine's. */
export const rows: Record<string, Panel[]> = {
  Traffic: [
    {
      title: 'Requests by result',
      description: 'CONNECTs and plain requests. `unavailable` and `internal` are our own faults.',
      unit: 'reqps',
      queries: { '{{code}}': `sum by (code) (${rate('gateway_connects_total')})` },
    },
    {
      title: 'Bytes',
      description: 'Metered bytes sent to targets and received from them.',
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
      title: 'Tunnel setup time',
      description: 'From the request to the connected target: key look-up, DNS and connection.',
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
      title: 'Key look-ups by result',
      description: 'Answered from the cache, by the database, or not at all.',
      unit: 'reqps',
      queries: { '{{result}}': `sum by (result) (${rate('gateway_key_requests_total')})` },
    },
  ],
  Health: [
    {
      title: 'Not ready',
      description: 'The reasons from /readyz, by gateway. Empty if all gateways are ready.',
      unit: 'short',
      queries: { '{{instance}}: {{code}}': `gateway_not_ready${of()}` },
    },
    {
      title: 'Unrecorded usage',
      description: 'Events in spools that are not recorded in the database yet.',
      unit: 'short',
      queries: { '{{instance}}': `gateway_spool_events${of()}` },
    },
    {
      title: 'Oldest unrecorded usage',
      description: 'How far usage and quotas lag behind.',
      unit: 's',
      queries: { '{{instance}}': `gateway_spool_oldest_seconds${of()}` },
    },
    {
      title: 'Events set aside',
      description: 'Size of rejected.ndjson. These events are not billed.',
      unit: 'bytes',
      queries: { '{{instance}}': `gateway_rejected_events_bytes${of()}` },
    },
    {
      title: 'Time to record a batch',
      description: 'How long the database takes to record a batch of events.',
      unit: 's',
      queries: quantiles('gateway_record_seconds'),
    },
    {
      title: 'Events recorded',
      description: "By the database's outcome.",
      unit: 'reqps',
      queries: { '{{outcome}}': `sum by (outcome) (${rate('gateway_usage_events_total')})` },
    },
    {
      title: 'Key look-up time',
      description: 'Includes the wait for a connection.',
      unit: 's',
      queries: quantiles('gateway_lookup_seconds'),
    },
    {
      title: 'Look-up connections',
      description: 'Database connections for key look-ups, and look-ups that wait for one.',
      unit: 'short',
      queries: {
        open: `sum(gateway_lookup_connections${of()})`,
        idle: `sum(gateway_lookup_connections_idle${of()})`,
        waiting: `sum(gateway_lookups_waiting${of()})`,
      },
    },
    {
      title: 'DNS resolution time',
      description: 'Only names that name servers resolved, without cache hits.',
      unit: 's',
      queries: quantiles('gateway_name_resolution_seconds', ', result="ok"'),
    },
    {
      title: 'Key change notifications',
      description: '1 while they arrive; at 0, every request queries the database.',
      unit: 'short',
      queries: { '{{instance}}': `gateway_listening${of()}` },
    },
    {
      title: 'Shared rate limits',
      description: '1 while Redis responds; empty if Redis is not configured.',
      unit: 'short',
      queries: { '{{instance}}': `gateway_counting_together${of()}` },
    },
  ],
  Machine: [
    {
      title: 'Event loop delay',
      description: 'The 99th percentile: how long a process keeps its clients waiting.',
      unit: 's',
      queries: { '{{instance}} {{worker}}': `nodejs_eventloop_lag_p99_seconds${of()}` },
    },
    {
      title: 'CPU',
      description: 'CPU time in cores, by process.',
      unit: 'short',
      queries: { '{{instance}} {{worker}}': rate('process_cpu_seconds_total') },
    },
    {
      title: 'Memory',
      description: 'Resident memory, by process.',
      unit: 'bytes',
      queries: { '{{instance}} {{worker}}': `process_resident_memory_bytes${of()}` },
    },
    {
      title: 'Sockets in use',
      description: 'Of the sockets for clients and targets. At 100 %, new clients are refused.',
      unit: 'percentunit',
      queries: { '{{instance}}': `gateway_sockets_in_use_ratio${of()}` },
    },
    {
      title: 'Open files and sockets',
      description: 'By process.',
      unit: 'short',
      queries: { '{{instance}} {{worker}}': `process_open_fds${of()}` },
    },
    {
      title: 'Clock offset',
      description:
        "Seconds behind the database's clock, which is authoritative; negative if ahead.",
      unit: 's',
      queries: { '{{instance}}': `gateway_clock_offset_seconds${of()}` },
    },
    {
      title: 'Workers replaced',
      description: 'Worker processes that died. Their tunnels were reset.',
      unit: 'short',
      queries: {
        '{{instance}}': `increase(gateway_workers_replaced_total${of()}[$__rate_interval])`,
      },
    },
  ],
  'Maintenance and versions': [
    {
      title: 'Last maintenance',
      description: 'When the task that is most overdue last ran.',
      unit: 'dateTimeFromNow',
      queries: { 'oldest task': `max(gateway_maintenance_finished_seconds${of()}) * 1000` },
      stat: true,
    },
    {
      title: 'Reports that need attention',
      description: 'Reports of the last maintenance that need an operator.',
      unit: 'short',
      queries: { reports: `max(gateway_maintenance_problems${of()})` },
      stat: true,
    },
    {
      title: 'Versions',
      description: 'The number of gateways that run each version.',
      unit: 'short',
      queries: { '{{version}}': `count by (version) (gateway_build_info${of()})` },
      stat: true,
    },
    {
      title: 'Schema version',
      description: '0 until the gateway knows it.',
      unit: 'short',
      queries: { '{{instance}}': `gateway_schema_version${of()}` },
      stat: true,
    },
    {
      title: 'Certificate expiry',
      description: "The TLS port's certificate.",
      unit: 'dateTimeFromNow',
      queries: { '{{instance}}': `gateway_tls_certificate_expires_seconds${of()} * 1000` },
      stat: true,
    },
  ],
};
