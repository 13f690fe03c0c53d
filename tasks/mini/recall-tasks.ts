// The recall probes as tasks: which of four values that the text tells belongs to the key. One task a distance, so that a table
// has accuracy by distance. A model that sees less than the distance can only guess: the four values are told equally far away,
// at random positions, and the filler after them says nothing of them.
import { z } from 'zod';
import { defineTask } from '../../src/tasks/define-task.js';
import type { RecallSetting, Task } from '../../src/tasks/task.js';
import { choicesAt } from './choices.js';
import { testRows } from './mini-task.js';
import { drawPairs, mqarContext, needleContext, type Probe } from './probes.js';

const CHOICES = 4;

const row = z.object({
  context: z.string(),
  choices: z.array(z.string()).length(CHOICES),
  label: z
    .int()
    .min(0)
    .max(CHOICES - 1),
});

interface RecallTask {
  readonly name: string;
  readonly recall: RecallSetting;
  readonly digest: string;
}

/** Long texts are costly: of those there are fewer. */
const rowsAt = (distance: number) => (distance > 1024 ? 32 : 64);

function recallTask({ name, recall, digest }: RecallTask): Task {
  const { description, context } = PROBES[recall.probe];
  const { distance, pairs } = recall;
  return defineTask({
    name,
    version: '1.0',
    kind: 'multiple-choice',
    description: `${description}: ${pairs} pairs, ${distance} words away`,
    recall,
    row,
    dataset: testRows(name, {
      rows: rowsAt(distance),
      digest,
      positions: CHOICES,
      draw: (random, split, position) => {
        const told = drawPairs(random, split, pairs);
        const asked = random.pick(told);
        const others = told.flatMap(({ value }) => (value === asked.value ? [] : [value]));
        const choices = choicesAt(random, position, asked.value, others, CHOICES);
        return { context: context(random, told, asked, distance), choices, label: position, distance, pairs };
      },
    }),
    context: ({ context }) => context,
    choices: ({ choices }) => choices,
    gold: ({ label }) => label,
    metrics: ['acc'],
  });
}

const PROBES: Readonly<Record<RecallSetting['probe'], { description: string; context: Probe }>> = {
  needle: { description: 'which sign someone has, told in filler (Hsieh et al. 2024)', context: needleContext },
  mqar: { description: 'which value a key has, told in a list (Arora et al. 2023)', context: mqarContext },
};

const NEEDLES = 4;

const needle = (distance: number, digest: string): RecallTask => ({
  name: `mini_needle_${distance}`,
  recall: { probe: 'needle', pairs: NEEDLES, distance },
  digest,
});

const mqar = (pairs: number, distance: number, digest: string): RecallTask => ({
  name: `mini_mqar_${pairs}x${distance}`,
  recall: { probe: 'mqar', pairs, distance },
  digest,
});

/** In the order of tables. */
export const tasks: readonly Task[] = [
  needle(32, 'cc3c4d703226b70fc16135da839a9337abd217545cf70253e37aa2b5a1c68e73'),
  needle(64, '012b3225c30d548c491dc810c2d8e80dce1186360c4731382a8a567a460bb2e7'),
  needle(128, '1e2ae3ab002fefdd92aad4caef0e9760a4f82ef7cea2a5e50d30f0fb05550c44'),
  needle(256, 'c93d445c1478e1bac4c0cb0ef998becd2c2abb58ccbe2eb78d0f6da9aa8842b5'),
  needle(512, 'd4c1a8a052ea8729ba98a89559b2182a7073b6f29b99d628b614a4541c7f9e92'),
  needle(1024, 'a70bd833739434365547d92d3050ece886598df9e78db5091b4598cbef4f40ff'),
  needle(2048, '2e3262b5544d88e76348027caecd5609f0061cd04d97b1ebf15e8a3c7af1baee'),
  needle(4096, '6f62543a760e3be9e78ea6f5f424886d70fe59921d8e9bf2da66a5f3b4e98824'),
  mqar(4, 6, 'd8425bbee0ecc647db7fd4c6d5ca0e373bca115e9d1bf52f2140dc3613db9d88'),
  mqar(4, 32, 'c6072754906df4fe9b9d3a6130a06011de1a7aaecbea57420e645eea4ec0bcb9'),
  mqar(4, 128, 'afa4d4a700cb2b23d1f34fbd8b27cbae03ebae733fadf47f0a7132782f3fc24a'),
  mqar(4, 512, '96d3192f4eca807cff9f10f9a7720e2b54dfa7a9c1c969940ea73131dc5d4dc4'),
  mqar(4, 2048, '326e8f67fbef3b25c1cbcf578b5b9ffaa255473093d2dc8443d95d190d1f2e55'),
  mqar(8, 32, '66f90904dc6cc2a085aea6d9c20f90c0cfafdcb3714bf707547df9794cd4c916'),
  mqar(8, 128, 'c39f34cbe43a80fa386856b98b0aa3a2e1cbfdbbf0ded8c87ce5b4d24dd90f2c'),
  mqar(8, 512, '9326827fd24b667777b05f25dcbb2b7c0fe62112a3081074d997e8d32faf9e00'),
  mqar(8, 2048, 'e020e110ae86d2086b3e99510d94ce22dfce0057c97583dd9e12ec3b2a7bef95'),
  mqar(16, 32, '46a6cd4e010bea4fd19773eeecd486284137b9ba5bb7a38d099ef61cf704458b'),
  mqar(16, 128, '4e97112d31701d5e8424cba196288e4a65d190bc202af4eb85df50137184a9dc'),
  mqar(16, 512, '4bbd1b0e0348e16ae6ff6422c231e3f56a70da34d8f3af747c42e08f6a3d2e37'),
  mqar(16, 2048, 'd1847afac5cb527867fbad188c6ab410ebedf9ea5d08aaeeaf1c7b15df688018'),
].map(recallTask);
