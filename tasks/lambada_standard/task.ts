// LAMBADA as first published, lower-cased and tokenised (Paperno et al. 2016). Prompt and metrics as lm-evaluation-harness
// 4e7e0d47 `lambada_standard`.
import { defineTask } from '../../src/tasks/define-task.js';
import { lambada } from '../lambada_openai/task.js';

export default defineTask({
  ...lambada,
  name: 'lambada_standard',
  description: 'last word of a passage from a novel, lower-cased and tokenised (Paperno et al. 2016)',
  dataset: {
    file: 'lambada/lambada_standard-test.txt',
    text: 'lines',
    hub: 'cimec/lambada',
    config: 'plain_text',
    split: 'test',
    rows: 5153,
    digest: '55ad60588c9a641a0f411a2358d833c9e8d50c719bf9745525f3e5643944a903',
  },
});
