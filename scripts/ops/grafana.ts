import { join } from 'node:path';
import { projectRoot } from '../stack/project-root.ts';
import { type Panel, rows } from './panels.ts';

export const grafanaFile = join(projectRoot, 'ops/grafana/proxy-keys.json');

const datasource = { type: 'prometheus', uid: '$datasource' };
const perLine = 3;
const [width, height] = [24 / perLine, 8];

/** The text of `ops/grafana/proxy-keys.json`. */
export function generateGrafana(): string {
  return `${JSON.stringify(dashboard(), null, 2)}\n`;
}

function dashboard(): object {
  return {
    uid: 'proxy-keys',
    title: 'Proxy Keys: gateways',
    description: 'What the gateways do, and what keeps them from it. Made by `npm run grafana`.',
    tags: ['proxy-keys'],
    schemaVersion: 39,
    timezone: 'browser',
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    graphTooltip: 1,
    templating: {
      list: [
        { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' },
        {
          name: 'instance',
          label: 'Gateway',
          type: 'query',
          datasource,
          query: 'label_values(up{job="proxy-keys-gateway"}, instance)',
          refresh: 2,
          multi: true,
          includeAll: true,
          allValue: '.*',
          current: { text: 'All', value: '$__all' },
        },
      ],
    },
    panels: layOut(),
  };
}

function layOut(): object[] {
  const panels: object[] = [];
  let y = 0;
  for (const [title, group] of Object.entries(rows)) {
    panels.push({ id: panels.length + 1, type: 'row', title, gridPos: { x: 0, y, w: 24, h: 1 } });
    y += 1;
    for (const [at, panel] of group.entries()) {
      const gridPos = {
        x: (at % perLine) * width,
        y: y + Math.floor(at / perLine) * height,
        w: width,
        h: height,
      };
      panels.push({ id: panels.length + 1, ...describePanel(panel), gridPos });
    }
    y += Math.ceil(group.length / perLine) * height;
  }
  return panels;
}

function describePanel({ title, description, unit, queries, stat = false }: Panel): object {
  return {
    type: stat ? 'stat' : 'timeseries',
    title,
    description,
    datasource,
    fieldConfig: { defaults: { unit }, overrides: [] },
    options: stat
      ? { reduceOptions: { calcs: ['lastNotNull'] }, textMode: 'value_and_name' }
      : { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi' } },
    targets: Object.entries(queries).map(([legendFormat, expr], at) => ({
      refId: String.fromCharCode(65 + at),
      datasource,
      expr,
      legendFormat,
    })),
  };
}
