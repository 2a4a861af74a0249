/** Ends a run with the counts on a line of their own. */
import type { Reporter, TestCase, TestModule } from 'vitest/node';

export default class ClosingReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const counts = { passed: 0, failed: 0, skipped: 0 };
    for (const module of modules) for (const test of module.children.allTests()) counts[outcomeOf(test)] += 1;
    const broken = modules.filter((module) => module.state() === 'failed' && module.errors().length > 0).length;
    const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : '';
    const project = new Set(modules.map((module) => module.project.name));
    console.log(`\n${[...project].join('+')}: ${counts.passed} passed, ${counts.failed + broken} failed${skipped}`);
  }
}

function outcomeOf(test: TestCase): 'passed' | 'failed' | 'skipped' {
  const { state } = test.result();
  return state === 'passed' || state === 'failed' ? state : 'skipped';
}
