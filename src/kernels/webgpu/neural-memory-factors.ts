// The factors of a chunk of the neural memory (ops/neural-memory.ts) are recurrences over its tokens: n[t,j] = exp(logMomentum[t])
// n[t-1,j] from 2 theta[j] on, G[t,j] = exp(logKeep[t]) G[t-1,j] + n[t,j], and b, m, f likewise. Slots before the first token and
// after the last leave everything as it is.

/** For so many slots, at least those of a chunk. */
export function factorMemory(slots: number): string {
  return `
// G[t,j], then times q[t].k[j].
var<workgroup> weights: array<f32, ${slots * slots}>;
var<workgroup> keeps: array<f32, ${slots}>;
var<workgroup> pushes: array<f32, ${slots}>;
var<workgroup> steps: array<f32, ${slots}>;
// b and f, G[C] and n[C], m[C].
var<workgroup> onMemory: array<f32, ${slots}>;
var<workgroup> onMomentum: array<f32, ${slots}>;
var<workgroup> toMemory: array<f32, ${slots}>;
var<workgroup> toMomentum: array<f32, ${slots}>;
var<workgroup> pushed: f32;
`;
}

/** Of the tokens from `base` on; of all slots, those from `begin` to before `past` have one. A barrier must follow. */
export function chunkFactors(slots: number, invocations: number): string {
  return `for (var slot = local; slot < ${slots}u; slot += ${invocations}u) {
      keeps[slot] = 1.0;
      pushes[slot] = 1.0;
      steps[slot] = 0.0;
      if (slot >= begin && slot < past) {
        keeps[slot] = exp(gates[base + slot]);
        pushes[slot] = exp(gates[uniforms.tokens + base + slot]);
        steps[slot] = 2.0 * gates[2u * uniforms.tokens + base + slot];
      }
    }
    workgroupBarrier();

    for (var j = local; j <= ${slots}u; j += ${invocations}u) {
      if (j < ${slots}u) {
        var onError = 0.0;
        var step = steps[j];
        for (var t = 0u; t < ${slots}u; t++) {
          if (t > j) { step *= pushes[t]; }
          onError *= keeps[t];
          if (t >= j && t < past) { onError += step; }
          weights[t * ${slots}u + j] = onError;
        }
        toMemory[j] = onError;
        toMomentum[j] = step;
      } else {
        var kept = 1.0;
        var carried = 0.0;
        var rest = 1.0;
        for (var t = 0u; t < ${slots}u; t++) {
          kept *= keeps[t];
          rest *= pushes[t];
          carried *= keeps[t];
          if (t >= begin && t < past) { carried += rest; }
          onMemory[t] = kept;
          onMomentum[t] = carried;
        }
        pushed = rest;
      }
    }`;
}
