// The embedding of 32,000 x 1,024 and its gradient; low ids are frequent, as in a text.
import * as tf from '#tfjs';
import { embed, embedGradient } from '../../kernels/webgpu/embedding.js';
import type { KernelCase } from '../kernel-case.js';
import { memoryCase, randomTensor, randomValues } from '../kernel-inputs.js';
import { randomFloats } from '../random.js';

const [VOCABULARY, WIDTH, TOKENS] = [32000, 1024, 16384];
const SMALL = { vocabulary: 37, width: 12, tokens: 130 };

function idsOf(tokens: number, vocabulary: number): Int32Array {
  return Int32Array.from(randomFloats(tokens, 5), (x) => x ** 4 * vocabulary);
}

const idTensor = (tokens: number, vocabulary: number) => tf.tensor1d(idsOf(tokens, vocabulary), 'int32');

export const cases: KernelCase[] = [
  memoryCase({
    ...{ kernel: 'embedding', shape: `V${VOCABULARY} H${WIDTH} T${TOKENS}`, bytes: 8 * TOKENS * WIDTH },
    inputs: () => [randomTensor([VOCABULARY, WIDTH], 1), idTensor(TOKENS, VOCABULARY)],
    run: (weight, ids) => [embed(weight as tf.Tensor2D, ids)],
    small: () => {
      const { vocabulary, width, tokens } = SMALL;
      const weight = randomValues([vocabulary, width], 1);
      return {
        inputs: [randomTensor([vocabulary, width], 1), idTensor(tokens, vocabulary)],
        wanted: [[...idsOf(tokens, vocabulary)].flatMap((id) => [...weight.subarray(id * width, (id + 1) * width)])],
      };
    },
  }),
  memoryCase({
    kernel: 'embedding gradient',
    shape: `V${VOCABULARY} H${WIDTH} T${TOKENS}`,
    bytes: 4 * WIDTH * (VOCABULARY + TOKENS),
    inputs: () => [idTensor(TOKENS, VOCABULARY), randomTensor([TOKENS, WIDTH], 2)],
    run: (ids, dy) => [embedGradient(ids, dy, ids.size === TOKENS ? VOCABULARY : SMALL.vocabulary)],
    small: () => {
      const { vocabulary, width, tokens } = SMALL;
      const dy = randomValues([tokens, width], 2);
      const wanted = new Float64Array(vocabulary * width);
      idsOf(tokens, vocabulary).forEach((id, token) => {
        for (let i = 0; i < width; i++) wanted[id * width + i]! += dy[token * width + i]!;
      });
      return { inputs: [idTensor(tokens, vocabulary), randomTensor([tokens, width], 2)], wanted: [wanted] };
    },
  }),
];
