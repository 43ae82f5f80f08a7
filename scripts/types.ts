import { writeFileSync } from 'node:fs';
import { generateTypes, typesFile } from './database-types.ts';
import { generateRefusals, refusalsFile, refusalsPage } from './refusals.ts';
import { withDatabase } from './stack/with-database.ts';

await withDatabase(
  async (dbUrl) => {
    write(typesFile, await generateTypes(dbUrl));
    const { code, page } = await generateRefusals(dbUrl);
    write(refusalsFile, code);
    write(refusalsPage, page);
  },
  (step) => console.error(`  ${step}`),
);
// imported only now, as the routes import the refusals that were just written
const { clientTypesFile, describeApi, generateClientTypes } = await import('./api-description.ts');
write(clientTypesFile, await generateClientTypes(await describeApi()));

function write(file: string, text: string): void {
  writeFileSync(file, text);
  console.error(`wrote ${file}`);
}
