// The markers of models: shapes that stay apart when printed small and without colour, filled, hollow, or of strokes.
import type { PointStyle } from 'chart.js';

interface Shape {
  readonly pointStyle: PointStyle;
  /** Degrees. */
  readonly rotation?: number;
  readonly hollow?: true;
}

const SHAPES = {
  circle: { pointStyle: 'circle' },
  rect: { pointStyle: 'rect' },
  triangle: { pointStyle: 'triangle' },
  triangleDown: { pointStyle: 'triangle', rotation: 180 },
  rectRot: { pointStyle: 'rectRot' },
  star: { pointStyle: 'star' },
  cross: { pointStyle: 'cross' },
  crossRot: { pointStyle: 'crossRot' },
  bar: { pointStyle: 'line', rotation: 90 },
  circleHollow: { pointStyle: 'circle', hollow: true },
  rectHollow: { pointStyle: 'rect', hollow: true },
  triangleHollow: { pointStyle: 'triangle', hollow: true },
  triangleDownHollow: { pointStyle: 'triangle', rotation: 180, hollow: true },
  rectRotHollow: { pointStyle: 'rectRot', hollow: true },
} as const satisfies Record<string, Shape>;

export type Marker = keyof typeof SHAPES;

/** How chart.js draws a marker. A hollow one is white inside, so that no line runs through it. */
export function drawnMarker(marker: Marker, color: string): { pointStyle: PointStyle; rotation: number; fill: string } {
  const { pointStyle, rotation = 0, hollow }: Shape = SHAPES[marker];
  return { pointStyle, rotation, fill: hollow === true ? '#ffffff' : color };
}
