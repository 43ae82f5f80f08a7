import { writeFileSync } from 'node:fs';
import { generateGrafana, grafanaFile } from './ops/grafana.ts';

writeFileSync(grafanaFile, generateGrafana());
console.log(`wrote ${grafanaFile}`);
