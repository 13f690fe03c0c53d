// Room for discs on an axis: a disc reaches as many pixels beyond its point as its radius has, whatever the axis' values are.

export interface Bounds {
  readonly min: number;
  readonly max: number;
}

/** How an axis places its values: as they are, or by their logarithm. */
export interface Spacing {
  readonly to: (value: number) => number;
  readonly from: (place: number) => number;
}
export const LINEAR: Spacing = { to: (value) => value, from: (place) => place };
export const LOGARITHMIC: Spacing = { to: Math.log, from: Math.exp };

/** Rounded bounds grow in steps, of which few are needed. */
const MOST_STEPS = 20;

/**
 * The axis whose discs all lie between its bounds. A wider axis makes its discs' pixels worth more, so that it is widened until they fit.
 * @param radii in pixels, one a value, together below half of `pixels`
 * @param pixels length of the axis, or less
 * @param axisOf an axis that reaches over values
 */
export function axisWithRoom<Axis extends Bounds>(
  values: readonly number[],
  radii: readonly number[],
  pixels: number,
  { to, from }: Spacing,
  axisOf: (values: readonly number[]) => Axis,
): Axis {
  let axis = axisOf(values);
  for (let step = 0; step < MOST_STEPS; step += 1) {
    const { min, max } = axis;
    const perPixel = (to(max) - to(min)) / pixels;
    const edges = values.flatMap((value, k) => [-radii[k]!, radii[k]!].map((r) => from(to(value) + r * perPixel)));
    if (edges.every((edge) => edge >= min && edge <= max)) break;
    axis = axisOf(edges);
  }
  return axis;
}
