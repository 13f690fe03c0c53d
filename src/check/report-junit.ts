// For readers of JUnit files, as most CI services have one: a test case for each comparison.
import { regressions, type Comparison, type FailedModel } from './gate-outcome.js';
import type { Reporter } from './reporter.js';

export const junitReporter: Reporter = {
  report(outcome) {
    const { comparisons, failed } = outcome;
    const cases = [...failed.map(failedCase), ...comparisons.map(comparisonCase)];
    const counts = `tests="${cases.length}" failures="${regressions(outcome).length}"`;
    return [
      '<?xml version="1.0" encoding="UTF-8"?>',
      `<testsuites ${counts}>`,
      `<testsuite name="swat-eval check" ${counts}>`,
      ...cases,
      '</testsuite>',
      '</testsuites>',
      '',
    ].join('\n');
  },
};

function comparisonCase(comparison: Comparison): string {
  const { model, task, metric, reference, value, change, allowed, unit, regressed, note } = comparison;
  const name = task === null ? metric : `${task} ${metric}`;
  const message = `${value}, the reference has ${reference}: worse by ${change} ${unit}, allowed are ${allowed}`;
  return testCase(model, name, regressed ? [message, ...(note === null ? [] : [note])].join('; ') : null);
}

function failedCase({ model, reason }: FailedModel): string {
  return testCase(model, 'run', reason);
}

function testCase(model: string, name: string, failure: string | null): string {
  const start = `<testcase classname="${escapeXml(model)}" name="${escapeXml(name)}"`;
  return failure === null ? `${start}/>` : `${start}><failure message="${escapeXml(failure)}"/></testcase>`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\n': '&#10;',
};

function escapeXml(text: string): string {
  return text.replace(/[&<>"\n]/g, (character) => ESCAPES[character]!);
}
