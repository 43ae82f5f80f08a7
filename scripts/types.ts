import { writeFileSync } from 'node:fs';
import { clientTypesFile, describeApi, generateClientTypes } from './api-description.ts';
import { generateTypes, typesFile } from './database-types.ts';
import { startStack } from './stack/stack.ts';

writeFileSync(clientTypesFile, await generateClientTypes(await describeApi()));
console.error(`wrote ${clientTypesFile}`);

const stack = await startStack({
  ephemeral: true,
  dashboard: false,
  report: (step) => console.error(`  ${step}`),
});
try {
  writeFileSync(typesFile, await generateTypes(stack.dbUrl));
  console.error(`wrote ${typesFile}`);
} finally {
  await stack.stop();
}
