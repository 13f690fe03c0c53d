// The slopes of SWAT's position bias, in the paper's sign: score + slope * distance to the key, so that a negative slope favours
// recent tokens. Schedules and head order: Fu et al. 2025 eq. 4, and the code behind its Table 1 at commit f1a771f.
import { UserError } from '../../user-error.js';

/** Magnitude of the k-th slope, k = 1, 2, ...: `code` 2^(-8k/heads) as the authors' code has it, `paper` 2^-k as equation 4. They agree for 8 heads. */
export type SlopeSchedule = 'code' | 'paper';

/** `balanced` is half and half, `minus` and `plus` are of one sign, `a:b` has a negative and b positive heads (the paper's ALiBi-a:b). */
export type SlopeVariant = 'balanced' | 'minus' | 'plus' | `${number}:${number}`;

/**
 * One slope a head. With both signs the positive heads come first, k = 1..b, then the negative ones, k = a..1. One sign alone
 * counts k = 1..heads. An odd number of heads balances with one negative head more.
 * @throws UserError 'usage' for an unknown variant, or one whose two counts do not add up to `heads`.
 */
export function alibiSlopes(heads: number, variant: SlopeVariant, schedule: SlopeSchedule): number[] {
  const { negative, positive } = headCounts(heads, variant);
  const favourOld = magnitudes(positive, heads, schedule);
  const favourRecent = magnitudes(negative, heads, schedule).map((magnitude) => -magnitude);
  return positive === 0 ? favourRecent : [...favourOld, ...favourRecent.reverse()];
}

function magnitudes(count: number, heads: number, schedule: SlopeSchedule): number[] {
  const exponentStep = schedule === 'code' ? 8 / heads : 1;
  return Array.from({ length: count }, (_, i) => 2 ** (-exponentStep * (i + 1)));
}

function headCounts(heads: number, variant: SlopeVariant): { negative: number; positive: number } {
  if (variant === 'balanced') return { negative: Math.ceil(heads / 2), positive: Math.floor(heads / 2) };
  if (variant === 'minus') return { negative: heads, positive: 0 };
  if (variant === 'plus') return { negative: 0, positive: heads };
  const [, negative, positive] = /^(\d+):(\d+)$/.exec(variant) ?? [];
  if (negative === undefined || positive === undefined)
    throw new UserError('usage', `unknown slopes '${variant}', expected balanced, minus, plus or a:b`);
  if (Number(negative) + Number(positive) !== heads)
    throw new UserError('usage', `slopes ${variant} do not add up to ${heads} heads`);
  return { negative: Number(negative), positive: Number(positive) };
}
