import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../scripts/stack/project-root.ts';
import { type CheckoutCopy, copyCheckout } from '../stack/checkout-copy.ts';

/** A copy of this checkout with a dashboard of one script, which a test may change. */
export interface DashboardCopy extends CheckoutCopy {
  /** Replaces the script. */
  write(script: string): void;
}

/** Copies this checkout, with all that a build needs, into `parent`. */
export async function copyDashboard(parent: string): Promise<DashboardCopy> {
  const copy = await copyCheckout(parent);
  for (const name of ['tsconfig.json', 'package-lock.json']) {
    cpSync(join(projectRoot, name), join(copy.folder, name));
  }
  const write = (script: string) =>
    writeFileSync(join(copy.folder, 'dashboard/src/main.tsx'), script);
  write('document.title = "a dashboard";');
  return { ...copy, write };
}
