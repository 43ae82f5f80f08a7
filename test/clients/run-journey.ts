import { text } from 'node:stream/consumers';
import { createClient } from '@supabase/supabase-js';
import { takeJourney } from './journey.ts';

// a journey in whatever Node runs this: reads where to from standard input, writes what was found
const found = await takeJourney(createClient, JSON.parse(await text(process.stdin)));
console.log(JSON.stringify(found));
// supabase-js refreshes sessions as long as the process lives
process.exit(0);
