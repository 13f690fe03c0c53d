import test from 'ava';
import transformer from '../../baselines/transformer/baseline.js';
import { alibiSlopes } from '../../src/models/checkpoint/slopes.js';
import { attentionKind } from '../../src/report/attention-kind.js';
import { swatConfig } from './example-config.js';

const namedAs = (changes: Record<string, unknown>) => {
  const { activation, position, window } = attentionKind(swatConfig(changes))!;
  return `${activation} ${position} ${window}`;
};

test("positions have the names of the paper's Table 3, and slopes that are not written down are the balanced ones", (t) => {
  t.is(namedAs({}), 'sigmoid AliRope-2:2 64');
  t.is(namedAs({ rope_theta: null, alibi_slopes: alibiSlopes(4, '3:1', 'paper') }), 'sigmoid ALiBi-3:1 64');
  t.is(namedAs({ alibi_slopes: null, attention_activation: 'softmax', window_size: 8 }), 'softmax RoPE 8');
  t.is(namedAs({ alibi_slopes: null, rope_theta: null }), 'sigmoid none 64');
  t.is(namedAs({ num_heads: 8 }), 'sigmoid AliRope-4:4 64');
});

test('full attention has no window, and a model that is not of attention has no kind', (t) => {
  const kind = attentionKind({ ...transformer.sizes.tiny, vocab_size: 258 })!;
  t.deepEqual([kind.activation, kind.position, kind.window], ['softmax', 'RoPE', null]);
  t.is(attentionKind({ model_type: 'gla', hidden_size: 64 }), null);
});
