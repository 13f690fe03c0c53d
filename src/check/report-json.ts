// For a program: everything that was compared. A number that is not finite is null.
import { regressions } from './gate-outcome.js';
import type { Reporter } from './reporter.js';

export const jsonReporter: Reporter = {
  report(outcome) {
    const { comparisons, failed, notes } = outcome;
    const regressed = regressions(outcome);
    return `${JSON.stringify({ passed: regressed.length === 0, regressed, comparisons, failed, notes }, null, 2)}\n`;
  },
};
