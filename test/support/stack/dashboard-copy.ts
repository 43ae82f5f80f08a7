import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CheckoutCopy, copyCheckout } from './checkout-copy.ts';

/** A copy of this checkout whose dashboard is one script, which a test may change. */
export interface DashboardCopy extends CheckoutCopy {
  /** Replaces the script. */
  write(script: string): void;
}

/** Copies this checkout into `parent`, with that dashboard. */
export async function copyDashboard(parent: string): Promise<DashboardCopy> {
  const copy = await copyCheckout(parent);
  const write = (script: string) =>
    writeFileSync(join(copy.folder, 'dashboard/src/main.tsx'), script);
  write('document.title = "a dashboard";');
  return { ...copy, write };
}
