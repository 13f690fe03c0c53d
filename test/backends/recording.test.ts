import test from 'ava';
import { sameCycles, type DeviceDispatch, type RecordedCycle, type Recording } from '../../src/backends/recording.js';

/** Buffers and pipelines are compared as objects only. */
function buffers<Name extends string>(...names: Name[]): Record<Name, GPUBuffer> {
  return Object.fromEntries(names.map((name) => [name, { label: name }])) as unknown as Record<Name, GPUBuffer>;
}
const [add, scale] = [{}, {}] as [GPUComputePipeline, GPUComputePipeline];
const { weight, otherWeight } = buffers('weight', 'otherWeight');

interface Variation {
  readonly pipeline?: GPUComputePipeline;
  readonly weight?: GPUBuffer;
  readonly uploaded?: number;
  /** The second dispatch reads what the token began with in place of what the first one made. */
  readonly stale?: boolean;
}

/** x -> between -> y, in buffers of its own. */
function cycle(varied: Variation = {}): RecordedCycle {
  const { x, between, y, scalar, positionBuffer } = buffers('x', 'between', 'y', 'scalar', 'positionBuffer');
  const dispatch = (pipeline: GPUComputePipeline, inputs: GPUBuffer[], output: GPUBuffer): DeviceDispatch => ({
    pipeline,
    buffers: [...inputs, output],
    outputs: [output],
    updates: [],
    workgroups: [1, 1, 1],
  });
  const dispatches = [
    dispatch(varied.pipeline ?? add, [x, varied.weight ?? weight, positionBuffer], between),
    dispatch(scale, [varied.stale === true ? x : between, scalar], y),
  ];
  const uploads = new Map([[scalar, [varied.uploaded ?? 2]]]);
  return { tokens: [{ dispatches, uploads, positionBuffer } as unknown as Recording], from: [x], to: [y] };
}

test('two tokens are the same whatever buffers hold what is in between', (t) => {
  t.true(sameCycles(cycle(), cycle()));
});

const DIFFERENT: Record<string, Variation> = {
  'another kernel': { pipeline: scale },
  'another weight': { weight: otherWeight },
  'another number from the host': { uploaded: 3 },
  'an operand that was made earlier': { stale: true },
};
for (const [name, varied] of Object.entries(DIFFERENT))
  test(`two tokens are not the same with ${name}`, (t) => {
    t.false(sameCycles(cycle(), cycle(varied)));
  });
