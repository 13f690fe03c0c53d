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
  needle(32, 'ae69e06e9d0f264bb0da6ffbc68bfe4e3066a38db9c87b407f9c80cfd72a56b0'),
  needle(64, 'fc9fb65c3e27f74b0ef0e31e69909eb125e0b8f501078cd485fe3fc084161085'),
  needle(128, '0074a1741a77e4bd394c0e2f1841ddfa219b31a0c6ddcc51f0ac25138b082c81'),
  needle(256, 'c21017004353da00709463790e7e37c39d3d40bc54786e6d599fd97bf623e2bd'),
  needle(512, '32db6212946cf8ffa512bb04c5ca47346234611318550c22cdc207ea030ff0a5'),
  needle(1024, '31d54c549ed25d3ce5116bac27da19378919328c0ae6a58c07c323f73df40c36'),
  needle(2048, 'b2c5b4178a633b73273fb8a159f921aa581660df23182b7d82ec41a139838892'),
  needle(4096, '870a6a6dfec0cb51167616666e8ffb2a1b1e5ccbcbbf9af057a3588e86be8496'),
  mqar(4, 32, 'e1c6758ea041268ca5bd5b24120ca1ce91b47d056dabd71ba22148242df1fce4'),
  mqar(4, 128, 'aa3ca81179b7e8a2e01a9ad8ff9857a43367ba0e0bc79f1d024e3c8698a56a04'),
  mqar(4, 512, '633ba8ba26873290ac987e4fcf26e99bee60073ed944dd13fe334bf09fbbd1b6'),
  mqar(4, 2048, '14e1cfa1e56281a65e0ef4f57eadf07d7507c991f5490bf350b9f26277da9b45'),
  mqar(8, 32, '786c9dff790fbe14f6055e6672fd0c2a767ba79bf3b7057f74c353ddff03c823'),
  mqar(8, 128, '74bacbac306cde7e9478e4981442edc09c63b528dce1f805344b459be4104b19'),
  mqar(8, 512, '528251f7ce8f1c0846c9aa219cde70fb0a125dabf90d69a48a5066ab682cdda6'),
  mqar(8, 2048, '18bffd4c757c2b2a948395de1196597b4c0552faad66bfb03c7f86a74793c117'),
  mqar(16, 32, '42ee6a376c8a7ea567ef0952abd6ed7053437efd1682637e72b2a44f89b795ba'),
  mqar(16, 128, 'e9bb0005e5c11fa82f2f2eb224f409e38dbd7c0631ce3eff6e8f2b16ae107d59'),
  mqar(16, 512, '923fa5bb16ccbafd34a981c66736eece5005e1ad0c3f3d5b373b87570999efe5'),
  mqar(16, 2048, '5bef9478e6593f742c0eddc084fe5bd500d2d0c6380df8d04cf46224ddd57854'),
].map(recallTask);
