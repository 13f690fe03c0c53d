// What the chunked kernels of linear attention share: products of 64 x 64 tiles in f32 (chunk-tensor-cores.ts has those in f16), and
// the decays between the tokens of a chunk.
//
// 256 invocations, each with a 4 x 4 piece of the product in registers (rows 4 y.., columns 4 x..; a mat4x4f whose "columns"
// are those rows). Both operands stream through workgroup memory, 16 steps of the contraction at a time: 8 KiB.

/** Tokens of a chunk. */
export const CHUNK = 64;

/** Tiles `left`, [16, rows], and `right`, [16, columns], and the product over their 16 steps. */
export const F32_TILES = `
var<workgroup> left: array<vec4f, 256>;
var<workgroup> right: array<vec4f, 256>;

fn product(y: u32, x: u32, sum: mat4x4f) -> mat4x4f {
  var acc = sum;
  for (var s = 0u; s < 256u; s += 16u) {
    let a = left[s + y];
    let b = right[s + x];
    acc = mat4x4f(fma(vec4f(a.x), b, acc[0]), fma(vec4f(a.y), b, acc[1]), fma(vec4f(a.z), b, acc[2]), fma(vec4f(a.w), b, acc[3]));
  }
  return acc;
}
`;

/** Writes the 4 x 4 `block` to a tile [16, 64]: its rows 4 row.. and columns 4 column... */
export function putBlock(tile: 'left' | 'right' | 'gates', row: string, column: string, block: string): string {
  return [0, 1, 2, 3].map((m) => `${tile}[(4u * (${row}) + ${m}u) * 16u + (${column})] = ${block}[${m}];`).join('\n');
}

/**
 * `decayTile`: for the tokens i of the fourth `down` of a chunk and j of the fourth `along`, the exp of the sum of g over (j, i],
 * 0 where j > i. Every exponent is a sum of g itself, never a difference of two sums: nothing cancels, and none is positive.
 * `gates[f]` has the g of the tokens 4 f.., `gateSums[f]` their sum.
 */
export const DECAY_GATES = `
var<workgroup> gates: array<vec4f, 16>;
var<workgroup> gateSums: array<f32, 16>;

fn setGates(fourth: u32, g: vec4f) {
  gates[fourth] = g;
  gateSums[fourth] = g.x + g.y + g.z + g.w;
}
`;
export const DECAY_TILE = `${DECAY_GATES}
fn decayTile(down: u32, along: u32) -> mat4x4f {
  if (along > down) {
    return mat4x4f();
  }
  let g = gates[down];
  if (along == down) {
    return mat4x4f(
      vec4f(1, 0, 0, 0),
      vec4f(exp(g.y), 1, 0, 0),
      vec4f(exp(g.y + g.z), exp(g.z), 1, 0),
      vec4f(exp(g.y + g.z + g.w), exp(g.z + g.w), exp(g.w), 1),
    );
  }
  let h = gates[along];
  var between = 0.0;
  for (var fourth = along + 1u; fourth < down; fourth++) {
    between += gateSums[fourth];
  }
  let rest = vec4f(h.y + h.z + h.w, h.z + h.w, h.w, 0) + between;
  return mat4x4f(
    exp(rest + g.x), exp(rest + (g.x + g.y)), exp(rest + (g.x + g.y + g.z)), exp(rest + (g.x + g.y + g.z + g.w)),
  );
}
`;

/** Sets the gates to those of the chunk from `first` on; they are read behind the next barrier. */
export const LOAD_GATES = `if (local < 16u) {
    var gate = vec4f();
    for (var m = 0u; m < 4u; m++) {
      let token = first + 4u * local + m;
      if (token < sizes.length) { gate[m] = g[row * sizes.length + token]; }
    }
    setGates(local, gate);
  }`;

/** `fromStart`: exp of the sum of g from the chunk's start up to and with a token; `toEnd`: from behind it. Behind DECAY_TILE. */
export const DECAYS_FROM_ENDS = `
fn fromStart(token: u32) -> f32 {
  var sum = 0.0;
  for (var fourth = 0u; fourth < token / 4u; fourth++) { sum += gateSums[fourth]; }
  for (var m = 0u; m <= token % 4u; m++) { sum += gates[token / 4u][m]; }
  return exp(sum);
}

fn toEnd(token: u32) -> f32 {
  var sum = 0.0;
  for (var fourth = 15u; fourth > token / 4u; fourth--) { sum += gateSums[fourth]; }
  for (var m = 3u; m > token % 4u; m--) { sum += gates[token / 4u][m]; }
  return exp(sum);
}
`;

/** `decayTile` where nothing decays: 1 where j <= i. */
export const CAUSAL_TILE = `
fn decayTile(down: u32, along: u32) -> mat4x4f {
  if (along > down) {
    return mat4x4f();
  }
  if (along == down) {
    return mat4x4f(vec4f(1, 0, 0, 0), vec4f(1, 1, 0, 0), vec4f(1, 1, 1, 0), vec4f(1, 1, 1, 1));
  }
  let one = vec4f(1);
  return mat4x4f(one, one, one, one);
}
`;

/** `beforeTile`: `decayTile` with 0 where j = i, too. */
export const BEFORE_TILE = `
fn beforeTile(down: u32, along: u32) -> mat4x4f {
  let decay = decayTile(down, along);
  if (along != down) {
    return decay;
  }
  return mat4x4f(vec4f(), vec4f(decay[1].x, 0, 0, 0), vec4f(decay[2].xy, 0, 0), vec4f(decay[3].xyz, 0));
}
`;

/** `times`: the product element by element. */
export const TIMES = `
fn times(a: mat4x4f, b: mat4x4f) -> mat4x4f {
  return mat4x4f(a[0] * b[0], a[1] * b[1], a[2] * b[2], a[3] * b[3]);
}
`;

/** A function that reads four neighbours of a row of `rows` [.., length, dim]: zeros outside. */
export function readRow(name: string, buffer: string, dim: number): string {
  const inside = dim % CHUNK === 0 ? '' : ` || fourth >= ${dim / 4}u`;
  return `
fn ${name}(row: u32, token: u32, fourth: u32) -> vec4f {
  if (token >= sizes.length${inside}) {
    return vec4f();
  }
  return vec4f(${buffer}[(row * sizes.length + token) * ${dim / 4}u + fourth]);
}
`;
}
