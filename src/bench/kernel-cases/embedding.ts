// The embedding of 32,000 x 1,024 and its gradient; low ids are frequent, in one case as Zipf's law has it in a text.
import * as tf from '#tfjs';
import { embed, embedGradient } from '../../kernels/webgpu/embedding.js';
import type { KernelCase } from '../kernel-case.js';
import { memoryCase, randomTensor, randomValues } from '../kernel-inputs.js';
import { randomFloats } from '../random.js';

const [VOCABULARY, WIDTH, TOKENS] = [32000, 1024, 16384];
const SMALL = { vocabulary: 37, width: 12, tokens: 130 };

type Distribution = (x: number, vocabulary: number) => number;
/** x in [0, 1) -> id: in the second the share of the id v is that of log((v + 2) / (v + 1)), so that 7 % of 32,000 are the first. */
const low: Distribution = (x, vocabulary) => x ** 4 * vocabulary;
const zipf: Distribution = (x, vocabulary) => (vocabulary + 1) ** x - 1;

function idsOf(tokens: number, vocabulary: number, distribution = low): Int32Array {
  return Int32Array.from(randomFloats(tokens, 5), (x) => distribution(x, vocabulary));
}

const idTensor = (tokens: number, vocabulary: number, distribution = low) =>
  tf.tensor1d(idsOf(tokens, vocabulary, distribution), 'int32');

function gradientCase(shape: string, tokens: number, distribution: Distribution): KernelCase {
  return memoryCase({
    kernel: 'embedding gradient',
    shape,
    bytes: 4 * WIDTH * (VOCABULARY + tokens),
    inputs: () => [idTensor(tokens, VOCABULARY, distribution), randomTensor([tokens, WIDTH], 2)],
    run: (ids, dy) => [embedGradient(ids, dy, ids.size === tokens ? VOCABULARY : SMALL.vocabulary)],
    small: () => {
      const { vocabulary, width, tokens } = SMALL;
      const dy = randomValues([tokens, width], 2);
      const wanted = new Float64Array(vocabulary * width);
      idsOf(tokens, vocabulary, distribution).forEach((id, token) => {
        for (let i = 0; i < width; i++) wanted[id * width + i]! += dy[token * width + i]!;
      });
      return {
        inputs: [idTensor(tokens, vocabulary, distribution), randomTensor([tokens, width], 2)],
        wanted: [wanted],
      };
    },
  });
}

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
  gradientCase(`V${VOCABULARY} H${WIDTH} T${TOKENS}`, TOKENS, low),
  gradientCase(`V${VOCABULARY} H${WIDTH} T${TOKENS} zipf`, TOKENS, zipf),
  gradientCase(`V${VOCABULARY} H${WIDTH} T${4 * TOKENS} zipf`, 4 * TOKENS, zipf),
];
