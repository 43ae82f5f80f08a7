import { BaseSequencer, type TestSpecification } from 'vitest/node';

const order = ['system', 'browser', 'gateway', 'database', 'http', 'unit'];

/** Starts with the slowest projects, so that no worker is left with one at the end. */
export class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => order.indexOf(a.project.name) - order.indexOf(b.project.name));
  }
}
