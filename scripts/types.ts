import { writeFileSync } from 'node:fs';
import { generateTypes, typesFile } from './database-types.ts';
import { startStack } from './stack/stack.ts';

const stack = await startStack({ ephemeral: true, report: (step) => console.error(`  ${step}`) });
try {
  writeFileSync(typesFile, await generateTypes(stack.dbUrl));
  console.error(`wrote ${typesFile}`);
} finally {
  await stack.stop();
}
