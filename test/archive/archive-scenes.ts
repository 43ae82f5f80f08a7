import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import type postgres from 'postgres';
import { onTestFinished } from 'vitest';
import { archiveUsage } from '../../scripts/maintain/archive/archive.ts';
import type { ArchiveStore } from '../../scripts/maintain/archive/store.ts';
import { openDatabase } from '../../scripts/operator-database.ts';

/** The day this many days ago (UTC), as `2026-11-28`. */
export function daysAgo(days: number): string {
  return new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);
}

/** The path of a test's folder, which does not exist yet. */
export function newFolder(): string {
  const parent = mkdtempSync(join(tmpdir(), 'archive-test-'));
  onTestFinished(() => rmSync(parent, { recursive: true, force: true }));
  return join(parent, 'archive');
}

/** Archives the days that are due, as the command's task does. */
export async function archive(dbUrl: string, store: ArchiveStore) {
  const { sql } = openDatabase(dbUrl);
  try {
    return await archiveUsage(sql, store, () => {});
  } finally {
    await sql.end({ timeout: 0 });
  }
}

/** Marks a changed day as checked and repairs its rollups, as the nightly run does. */
export async function reconcile(sql: postgres.Sql, day: string): Promise<void> {
  await sql`select from proxy_private.report_reconciling(array[${day}::date])`;
}

/** Runs a statement and returns rows of text. */
export async function askDuckdb(statement: string): Promise<Record<string, unknown>[]> {
  const instance = await DuckDBInstance.create(':memory:');
  try {
    const connection = await instance.connect();
    await connection.run("set timezone = 'UTC'");
    return (await connection.runAndReadAll(statement)).getRowObjectsJson();
  } finally {
    instance.closeSync();
  }
}

/** The files of an archive, sorted. */
export function filesOf(folder: string): string[] {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}
