import { text } from 'node:stream/consumers';
import { createClient } from '@supabase/supabase-js';
import { takeJourney } from './journey.ts';

// runs the journey in any Node: reads the project from standard input, and prints the result
const found = await takeJourney(createClient, JSON.parse(await text(process.stdin)));
console.log(JSON.stringify(found));
// supabase-js refreshes sessions as long as the process runs
process.exit(0);
