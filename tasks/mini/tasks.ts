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
    digest: '1e0ec882fbf53b9a82144501a6807b028a9815609b33700702ea729b48bd184a',
    positions: 24,
    draw: wikitextRow,
  }),

  miniOf(lambadaOpenai, {
    name: 'mini_lambada',
    description: 'last word of a story: something that was told once, earlier',
    rows: ROWS,
    digest: '95e3a016ce0893c720422f546309de4707a72fd5f11a80710da79141b7e4b6e8',
    positions: 1,
    draw: lambadaRow,
  }),

  miniOf(piqa, {
    name: 'mini_piqa',
    description: 'which of two things reaches a goal, or which goal a thing is for',
    rows: ROWS,
    digest: 'b6847eeaf9f8ed4cd322e828a315c46e515c97b541ee68fd3896438e0dfbe798',
    positions: 2,
    draw: piqaRow,
  }),

  miniOf(hellaswag, {
    name: 'mini_hellaswag',
    description: 'which of four steps comes next in a habit',
    rows: ROWS,
    digest: '1e5587e197070778429e5add11b2aff2186fbab34d56f8dbd5b61d51a5c93e89',
    positions: 4,
    draw: habitRow,
  }),

  miniOf(winogrande, {
    name: 'mini_winogrande',
    description: 'which of two nouns fills the blank of a sentence',
    rows: ROWS,
    digest: 'f978e964e24846c03f8ef4c5f94970848335c39edc36079ac14c4d8e1568c1bf',
    positions: 2,
    draw: blankRow,
  }),

  miniOf(arcEasy, {
    name: 'mini_arc_easy',
    description: 'questions about one lasting fact of the small world, 4 choices',
    rows: ROWS,
    digest: 'bb6401d67e8780896c05fad25b3294002c5256786f1d53f1188af7629baa25c6',
    positions: 4,
    draw: arcEasyRow,
  }),

  miniOf(arcChallenge, {
    name: 'mini_arc_challenge',
    description: 'questions about two lasting facts that are told nowhere together, 4 choices',
    rows: ROWS,
    digest: '4431858d774b285738505792d5047e80de36fbae942a7684716abd2e4c7e150f',
    positions: 4,
    draw: arcChallengeRow,
  }),

  miniOf(socialIqa, {
    name: 'mini_social_iqa',
    description: 'what one of two people in a situation feels or does next',
    rows: ROWS,
    digest: '85734bca9d3f9b64d75b7a81c2c6ba943c03ff9bf6fa1b96703ff378446db337',
    positions: 3,
    draw: socialRow,
  }),

  miniOf(boolq, {
    name: 'mini_boolq',
    description: 'yes or no: whether a story says of someone what it says of one of its people',
    rows: ROWS,
    digest: '55ee893a9bbedde19990a96840072c224b49e6c92de15b1a18d85aaa07f08302',
    positions: 2,
    draw: boolqRow,
  }),
];
