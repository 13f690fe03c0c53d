import * as tf from '#tfjs';
import test from 'ava';
import { startEngine } from '../../src/backends/engine.js';
import { deltaRule, deltaRuleStep, type DeltaRuleInputs } from '../../src/ops/delta-rule.js';
import { relativeDifference } from './differences.js';

interface Shape {
  batch: number;
  heads: number;
  valueHeads: number;
  length: number;
  keyDim: number;
  valueDim: number;
}
/** Rates in (0, rate), decays exp(-gate) to 1 a token; no gate for no decay. */
interface Setting {
  rate: number;
  gate: number | null;
  start: boolean;
}

const shape = { batch: 2, heads: 2, valueHeads: 2, length: 150, keyDim: 8, valueDim: 6 };

function randomInputs({ batch, heads, valueHeads, length, keyDim, valueDim }: Shape, { rate, gate, start }: Setting) {
  const normal = (seed: number, ...shape: number[]) => tf.randomNormal(shape, 0, 1, 'float32', seed);
  const uniform = (seed: number, from: number, to: number) =>
    tf.randomUniform<tf.Rank.R3>([batch, valueHeads, length], from, to, 'float32', seed);
  const unit = (x: tf.Tensor) => tf.div(x, tf.norm(x, 2, -1, true)) as tf.Tensor4D;
  return {
    q: unit(normal(1, batch, heads, length, keyDim)),
    k: unit(normal(2, batch, heads, length, keyDim)),
    v: normal(3, batch, valueHeads, length, valueDim) as tf.Tensor4D,
    rate: uniform(4, 0, rate),
    logDecay: gate === null ? null : uniform(5, -gate, 0),
    state: start ? (normal(6, batch, valueHeads, keyDim, valueDim) as tf.Tensor4D) : null,
  };
}

/** The recurrence in f64, one token at a time: o [B, Nv, T, Dv] and the last S. */
async function byDefinition(inputs: DeltaRuleInputs): Promise<{ o: number[]; state: number[] }> {
  const [q, k, v, rate] = await Promise.all([
    inputs.q.array(),
    inputs.k.array(),
    inputs.v.array(),
    inputs.rate.array(),
  ]);
  const logDecay = (await inputs.logDecay?.array()) ?? null;
  const start = (await inputs.state?.array()) ?? null;
  const [keyDim, valueDim] = [inputs.q.shape[3], inputs.v.shape[3]];
  const shared = inputs.v.shape[1] / inputs.q.shape[1];
  const o: number[] = [];
  const states: number[] = [];
  v.forEach((heads, b) =>
    heads.forEach((tokens, head) => {
      const memory = Array.from({ length: keyDim }, (_, c) =>
        Array.from({ length: valueDim }, (_, d) => start?.[b]![head]![c]![d] ?? 0),
      );
      tokens.forEach((value, t) => {
        const key = k[b]![Math.floor(head / shared)]![t]!;
        const query = q[b]![Math.floor(head / shared)]![t]!;
        const decay = Math.exp(logDecay?.[b]![head]![t] ?? 0);
        for (const row of memory) for (let d = 0; d < valueDim; d++) row[d]! *= decay;
        const read = (by: number[], d: number) => by.reduce((sum, x, c) => sum + x * memory[c]![d]!, 0);
        const correction = value.map((x, d) => rate[b]![head]![t]! * (x - read(key, d)));
        key.forEach((x, c) => correction.forEach((u, d) => (memory[c]![d]! += x * u)));
        for (let d = 0; d < valueDim; d++) o.push(read(query, d) / Math.sqrt(keyDim));
      });
      states.push(...memory.flat());
    }),
  );
  return { o, state: states };
}

const CASES: [what: string, shape: Shape, setting: Setting][] = [
  ['without decay', shape, { rate: 1, gate: null, start: false }],
  ['from a state', shape, { rate: 1, gate: null, start: true }],
  ['with a weak decay', shape, { rate: 1, gate: 0.1, start: true }],
  ['with a decay that forgets all', shape, { rate: 1, gate: 30, start: true }],
  ['with rates up to 2', shape, { rate: 2, gate: 0.5, start: true }],
  ['of one token', { ...shape, length: 1 }, { rate: 1, gate: 1, start: true }],
  ['of a chunk and a token', { ...shape, length: 65 }, { rate: 1, gate: 1, start: true }],
  ['of value heads that share a key head', { ...shape, valueHeads: 6 }, { rate: 1, gate: 1, start: true }],
];

for (const [what, shape, setting] of CASES)
  test.serial(`the delta rule ${what}, in chunks, is its recurrence`, async (t) => {
    (await startEngine('wasm')).use();
    const inputs = randomInputs(shape, setting);
    const { o, state } = deltaRule(inputs);
    const wanted = await byDefinition(inputs);
    t.true(relativeDifference(await o.data(), wanted.o) < 1e-5);
    t.true(relativeDifference(await state.data(), wanted.state) < 1e-5);
  });

test.serial('the step form is the recurrence of one token', async (t) => {
  (await startEngine('wasm')).use();
  for (const setting of [
    { rate: 1, gate: 1, start: true },
    { rate: 2, gate: null, start: false },
  ]) {
    const inputs = randomInputs({ ...shape, valueHeads: 4, length: 1 }, setting);
    const { o, state } = deltaRuleStep(inputs);
    const wanted = await byDefinition(inputs);
    t.true(relativeDifference(await o.data(), wanted.o) < 1e-6);
    t.true(relativeDifference(await state.data(), wanted.state) < 1e-6);
  }
});

test.serial('a text that repeats one token keeps every digit', async (t) => {
  (await startEngine('wasm')).use();
  const inputs = randomInputs({ ...shape, length: 128 }, { rate: 2, gate: 0.01, start: true });
  const repeated = { ...inputs, k: tf.add(tf.mul(inputs.k, 1e-3), 8 ** -0.5) as tf.Tensor4D };
  const { o } = deltaRule(repeated);
  t.true(relativeDifference(await o.data(), (await byDefinition(repeated)).o) < 1e-4);
});

for (const length of [1, 40, 70])
  test.serial(`gradients over ${length} tokens are those of finite differences, for every input`, async (t) => {
    (await startEngine('wasm')).use();
    const small = { batch: 1, heads: 1, valueHeads: 2, length, keyDim: 4, valueDim: 3 };
    const inputs = randomInputs(small, { rate: 1, gate: 0.2, start: true });
    const names = ['q', 'k', 'v', 'rate', 'logDecay', 'state'] as const;
    const all = { ...inputs, logDecay: inputs.logDecay!, state: inputs.state! };
    const sums = ({ o, state }: { o: number[]; state: number[] }) => [...o, ...state].reduce((sum, x) => sum + x, 0);
    const loss = (...values: tf.Tensor[]) => {
      const named = Object.fromEntries(names.map((name, i) => [name, values[i]])) as unknown as DeltaRuleInputs;
      const { o, state } = deltaRule(named);
      return tf.add(tf.sum(o), tf.sum(state)) as tf.Scalar;
    };
    const gradients = tf.grads(loss)(names.map((name) => all[name]));
    for (const [i, name] of names.entries()) {
      const direction = tf.randomNormal(all[name].shape, 0, 1, 'float32', 9);
      const moved = async (by: number) =>
        sums(await byDefinition({ ...all, [name]: tf.add(all[name], tf.mul(direction, by)) }));
      const wanted = ((await moved(1e-3)) - (await moved(-1e-3))) / 2e-3;
      const found = (await tf.sum(tf.mul(gradients[i]!, direction)).data())[0]!;
      t.true(Math.abs(found - wanted) < 2e-3 * Math.max(1, Math.abs(wanted)), `${name}: ${found}, expected ${wanted}`);
    }
  });
