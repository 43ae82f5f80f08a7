import type { Report } from './tasks.ts';

/** Whether somebody should look at it. */
export function needsAttention({ outcome }: Report): boolean {
  return !['unchanged', 'made', 'repaired', 'dropped'].includes(outcome);
}

/** The reports as a table with aligned columns. */
export function formatReports(reports: Report[]): string {
  const rows = [
    ['task', 'month', 'outcome', 'detail'],
    ...reports.map(({ task, month, outcome, detail }) => [task, month ?? '', outcome, detail]),
  ];
  const widths = [0, 1, 2].map((column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
