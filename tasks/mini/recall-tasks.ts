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
  needle(32, 'eb260bc5ec0fc04cd493817ce6598c5597439f2a88a8f24244eefa244bdb50ec'),
  needle(64, '5779c86f1776d11393fa1c80310dcf57fb54a4e50f038ce2109e46ace1c0de0f'),
  needle(128, '8c3145c6cf56bd0f972974f8629df7bce8236515d31ef0f88478c81e185f7c21'),
  needle(256, '8d6fef273d6cd0accd2afc14435438b96bd3933f31b5133068a994ab590b3535'),
  needle(512, '380b29bb9c52242d399cb7fbcd28b212906079cbdf2c593b2e26a74d715432b6'),
  needle(1024, '2de25def9cf8217e78135a7689c0791c1e186985567b4a2458ce615d0e8274eb'),
  needle(2048, 'c75c2e61a1b80a62cae8723f7d98861cf7c45522ccad4789bb8231500b9ad2d7'),
  needle(4096, '62c4a069878252c5042e72b59422744e6e3056449cebdcaa224eafff9d067ab8'),
  mqar(4, 32, 'c88528d0c0416aa2e09ad77e35e4325662b109224b7697d56facbccf43827533'),
  mqar(4, 128, '664dbc3125dbbd1984654c0329227060917c786748b2050750704daa7d274485'),
  mqar(4, 512, '3eee5c19b77a5e8855d83a41f4c7a9520a7e1853116ab547fb950a7cd26c85c3'),
  mqar(4, 2048, 'a3ba8f9022ef34f38d04d813cb805275b24f6c00e8f78367b827d9f2a527ee35'),
  mqar(8, 32, '770dc9e6e47f46c589342a63bb9ba5fbb1db3fe9428c4aa7ef86572f3a3c8ac9'),
  mqar(8, 128, 'f2801d526349b0e99acf74c164b309e31c3a489790f0f08c064798f6f887c0bd'),
  mqar(8, 512, '7ec947d9b774585498a309eb752c66df07e75a7df08c8c08b903c5f0e8220906'),
  mqar(8, 2048, '70dd984f54d44ac8e149d42882c21100cccd14422aede43d0c60922a18b2f29e'),
  mqar(16, 32, '79d264cb7c3c9e795b4fe9d761d2262683c9497041756e4d5212850cee950f15'),
  mqar(16, 128, '96cd132dae63f3d41812f7623108c77f5faba9fd7617eb9bc1d26f4fc6d6699a'),
  mqar(16, 512, 'a9421136ae268a4202b1becdb5db7119d78eb836512c21b33571bff30e2d1c00'),
  mqar(16, 2048, 'd7febb172d6c2a4261ebe3379b0999ed18a5508d14244ce1ec58d5d491d6e2f9'),
].map(recallTask);
