// The heads of flash-linear-attention's RetNet, GLA and GSA: `num_heads` of them share `expand_k` times the hidden size for
// q and k, and `expand_v` times for v.
import { configError } from '../checkpoint/config-keys.js';

interface ExpandedKeys {
  readonly hidden_size: number;
  readonly num_heads: number;
  readonly num_kv_heads?: number | null | undefined;
  readonly expand_k: number;
  readonly expand_v: number;
}

/** @throws UserError 'data' where the heads do not divide the channels, or where several heads are to share keys and values. */
export function expandedHeads(keys: ExpandedKeys, file: string) {
  const { hidden_size: hiddenSize, num_heads: heads, num_kv_heads: kvHeads } = keys;
  if ((kvHeads ?? heads) !== heads)
    throw configError(file, `"num_kv_heads" is ${kvHeads}, expected as many as "num_heads", which is ${heads}`);
  const headSize = (expand: 'expand_k' | 'expand_v') => {
    const channels = Math.trunc(hiddenSize * keys[expand]);
    if (channels === 0 || channels % heads !== 0)
      throw configError(file, `"${expand}" is ${keys[expand]}: ${channels} channels do not divide into ${heads} heads`);
    return channels / heads;
  };
  return { heads, keyDim: headSize('expand_k'), valueDim: headSize('expand_v') };
}
