// The nine tasks of the embedded suite in the forms of the paper's benchmarks.
import type { Task } from '../../src/tasks/task.js';
import { arcChallenge } from '../arc_challenge/task.js';
import { arcEasy } from '../arc_easy/task.js';
import { boolq } from '../boolq/task.js';
import { hellaswag } from '../hellaswag/task.js';
import { lambadaOpenai } from '../lambada_openai/task.js';
import { piqa } from '../piqa/task.js';
import { socialIqa } from '../social_iqa/task.js';
import { wikitext } from '../wikitext/task.js';
import { winogrande } from '../winogrande/task.js';
import { blankRow } from './blanks.js';
import { habitRow } from './habits.js';
import { miniOf } from './mini-task.js';
import { arcChallengeRow, arcEasyRow, boolqRow, lambadaRow, piqaRow, wikitextRow } from './rows.js';
import { socialRow } from './social.js';

const ROWS = 240;

/** In the order of the paper's columns. */
export const tasks: readonly Task[] = [
  miniOf(wikitext, {
    name: 'mini_wikitext',
    description: 'perplexity of stories of the small world, 128 to 4,096 words long',
    rows: 24,
    digest: 'c5638c77e5814246c69dc11caa04476f50c3fc1d9f5a91de418c7df9612f0279',
    positions: 24,
    draw: wikitextRow,
  }),

  miniOf(lambadaOpenai, {
    name: 'mini_lambada',
    description: 'last word of a story: something that was told once, earlier',
    rows: ROWS,
    digest: '2937428f0254b8890d52842eb06cb4a7d90081b7460f6f09c0c5038339cfa1ae',
    positions: 1,
    draw: lambadaRow,
  }),

  miniOf(piqa, {
    name: 'mini_piqa',
    description: 'which of two things reaches a goal, or which goal a thing is for',
    rows: ROWS,
    digest: 'ab05d71884fb422599e30a66fe4724fb17fa00ed032d60f56bac51ddf4063149',
    positions: 2,
    draw: piqaRow,
  }),

  miniOf(hellaswag, {
    name: 'mini_hellaswag',
    description: 'which of four steps comes next in a habit',
    rows: ROWS,
    digest: '8b53b0c391d068a6ae2312774149b354074776b5f730b60521fdc199813776ab',
    positions: 4,
    draw: habitRow,
  }),

  miniOf(winogrande, {
    name: 'mini_winogrande',
    description: 'which of two nouns fills the blank of a sentence',
    rows: ROWS,
    digest: '8a98f58e4967b7cedeeaa4ea392fda480df92fa48052b420765187716b1dea9c',
    positions: 2,
    draw: blankRow,
  }),

  miniOf(arcEasy, {
    name: 'mini_arc_easy',
    description: 'questions about one lasting fact of the small world, 4 choices',
    rows: ROWS,
    digest: '90a9b402925d8100b22df3d2e6ffa9ffc9eff01eec70c1d603f549bb5bcdfd96',
    positions: 4,
    draw: arcEasyRow,
  }),

  miniOf(arcChallenge, {
    name: 'mini_arc_challenge',
    description: 'questions about two lasting facts that are told nowhere together, 4 choices',
    rows: ROWS,
    digest: '0770255fe505d09a3ebdb8e452e7efb36b79eaaac49eb9cca47a13a8f4568767',
    positions: 4,
    draw: arcChallengeRow,
  }),

  miniOf(socialIqa, {
    name: 'mini_social_iqa',
    description: 'what one of two people in a situation feels or does next',
    rows: ROWS,
    digest: 'c986ecddc195abc0023c8d29b223043cf4bab7b84980ec31589661515e93a98b',
    positions: 3,
    draw: socialRow,
  }),

  miniOf(boolq, {
    name: 'mini_boolq',
    description: 'yes or no: whether a story says of someone what it says of one of its people',
    rows: ROWS,
    digest: '1efaad395f4dc95989179e9edffdff3c82732acd24402ddfdd9f9608e34128dc',
    positions: 2,
    draw: boolqRow,
  }),
];
