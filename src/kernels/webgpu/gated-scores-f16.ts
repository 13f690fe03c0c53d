// The scores of GLA's chunks (gated-scores.ts) on tensor cores: f16 operands, f32 sums.
// Between a token i and an earlier one j lies the product of exp(g) over (j, i], which is cut where it suits:
//   within eight tokens it is made in registers, in f32, an invocation eight tokens and two channels at a time;
//   between the two eights of a sixteen it is what leads from i's eight's start to i, times what is left of j's eight;
//   between sixteens the same from i's sixteen's start and to j's sixteen's end, with what lies between them on the keys.
// So a score of the last two is a product of matrices, and a g has one exponential. Every factor is at most 1: nothing overflows, and
// nothing cancels.
// One workgroup a chunk and row, two products of 16 x 16 for each of four subgroups: slices of 32 of Dk. 16 KiB of workgroup memory.
// Bytes: q, k and g in, 64 floats a token out. FLOPs: 64 Dk a token on tensor cores, and some 20 Dk in f32. Bound by arithmetic.
import { CHUNK } from './chunk-tiles.js';
import { lines, MATRIX_HEADER, range, SUM_SIZE, SUM_STRIDE } from './chunk-tensor-cores.js';
import type { Held } from './held.js';
import type { Program } from './runner.js';

const THREADS = 128;
const SLICE = 32;
const PAIRS = SLICE / 2;
/** Tokens that one invocation has. */
const EIGHT = 8;
/** Vectors from row to row of the tiles, in workgroup memory first those on the left: two of eights, then sixteens 1 to 3. */
const [LEFT_STRIDE, RIGHT_STRIDE] = [SLICE / 8, SLICE / 8 + 1];
const RIGHT = 5 * 16 * LEFT_STRIDE;
/** On the right two of eights, then what a sixteen is to each later one. */
const TILES_OF_KEYS = [
  { from: 0, to: 1 },
  { from: 0, to: 2 },
  { from: 0, to: 3 },
  { from: 1, to: 2 },
  { from: 1, to: 3 },
  { from: 2, to: 3 },
];
const MEMORY = RIGHT + (2 + TILES_OF_KEYS.length) * 16 * RIGHT_STRIDE;
/** The tiles of each product, two for each subgroup; the last two are of eights. */
const PRODUCTS = [
  ...TILES_OF_KEYS.map(({ from, to }, i) => ({ left: 1 + to, right: 2 + i, from, to })),
  { left: 0, right: 0, from: 0, to: 0 },
  { left: 1, right: 1, from: 0, to: 0 },
];

export interface GatedScoresF16 {
  /** Dk, a multiple of 16. */
  readonly dim: number;
  /** Of q and k. */
  readonly held: Held;
}

/** Inputs q, k and g, output the scores, uniforms T and the number of chunks; workgroups: [chunks, rows]. */
export function gatedScoresF16(spec: GatedScoresF16): Program {
  return { key: `gated-scores-f16/${spec.dim}/${spec.held}`, wgsl: () => source(spec) };
}

function source({ dim, held }: GatedScoresF16): string {
  const tokens = range(EIGHT);
  const each = (text: (m: number) => string) => lines(EIGHT, text);
  const tail = dim % SLICE !== 0;
  const number = (x: string) => (held === 'f32' ? x : `unpack2x16float(${x})`);
  const fetch = (c: string) => `{
    let pair = ${tail ? `min(${c} * ${PAIRS}u + channels, ${dim / 2 - 1}u)` : `${c} * ${PAIRS}u + channels`};
    ${each(
      (m) => `{ let at = (firstToken + min(${EIGHT}u * eight + ${m}u, last)) * ${dim / 2}u + pair;
    nextQ${m} = q[at]; nextK${m} = k[at]; nextG${m} = g[at]; }`,
    )}
  }`;
  /** What was fetched; nothing, and no decay, behind the last token and channel. */
  const take = each((m) => {
    const there = `${EIGHT}u * eight + ${m}u <= last${tail ? ` && c * ${PAIRS}u + channels < ${dim / 2}u` : ''}`;
    return `let there${m} = ${there};
    let q${m} = select(vec2f(), ${number(`nextQ${m}`)}, there${m});
    let k${m} = select(vec2f(), ${number(`nextK${m}`)}, there${m});
    let e${m} = select(vec2f(1.0), exp(nextG${m}), there${m});`;
  });
  const within = tokens
    .map(
      (i) => `var read${i} = q${i};
    ${range(i + 1)
      .map((n) => i - n)
      .map((j) => `own${i}_${j} += dot(read${i}, k${j}); read${i} *= e${j};`)
      .join('\n')}`,
    )
    .join('\n');
  const left = `var rest = vec2f(1.0);
    ${[...tokens]
      .reverse()
      .map((j) => `let kept${j} = k${j} * rest; rest *= e${j};`)
      .join('\n')}`;
  const put = (base: number, stride: number, row: string, value: string) =>
    `memory[${base}u + (${row}) * ${stride}u + channels / 4u][channels % 4u] = pack2x16float(${value});`;
  const putEach = (base: number, stride: number, row: string, value: (m: number) => string) =>
    each((m) => put(base, stride, `${row} + ${m}u`, value(m)));
  const tileOfKeys = (i: number) => RIGHT + (2 + i) * 16 * RIGHT_STRIDE;
  const keysOf = (from: number) =>
    TILES_OF_KEYS.map((tile, i) => ({ ...tile, i }))
      .filter((tile) => tile.from === from)
      .map(({ to, i }) => {
        const between = range(to - from - 1).map((n) => ` * sixteen${from + 1 + n}`);
        return `{ let factor = onwards${between.join('')};
        ${putEach(tileOfKeys(i), RIGHT_STRIDE, `${EIGHT}u * (eight % 2u)`, (m) => `kept${m} * factor`)} }`;
      })
      .join('\n');
  const four = (n: number, of: 'left' | 'right') =>
    `vec4u(${range(4)
      .map((subgroup) => PRODUCTS[2 * subgroup + n]![of])
      .join(', ')})[subgroup]`;
  const multiply = lines(2, (n) =>
    lines(
      2,
      (step) => `{ let a = subgroupMatrixLoad<Left, row_major>(&memory, left${n} + ${2 * step}u, ${LEFT_STRIDE}u);
    let b = subgroupMatrixLoad<Right, col_major>(&memory, right${n} + ${2 * step}u, ${RIGHT_STRIDE}u);
    sum${n} = subgroupMatrixMultiplyAccumulate(a, b, sum${n}); }`,
    ),
  );
  const slices = Math.ceil(dim / SLICE);
  const element = held === 'f32' ? 'vec2f' : 'u32';
  return /* wgsl */ `${MATRIX_HEADER}
struct Sizes { length: u32, chunks: u32 }
@group(0) @binding(0) var<storage, read> q: array<${element}>;
@group(0) @binding(1) var<storage, read> k: array<${element}>;
@group(0) @binding(2) var<storage, read> g: array<vec2f>;
@group(0) @binding(3) var<storage, read_write> scores: array<f32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;
var<workgroup> memory: array<vec4u, ${MEMORY}>;
// The decay over each eight tokens.
var<workgroup> eights: array<vec2f, ${EIGHT * PAIRS}>;

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let first = group.x * ${CHUNK}u;
  let firstToken = group.y * sizes.length + first;
  let last = min(sizes.length - first, ${CHUNK}u) - 1u;
  let out = (group.y * sizes.chunks + group.x) * ${CHUNK * CHUNK}u;
  let subgroup = local / 32u;
  let eight = local / ${PAIRS}u;
  let channels = local % ${PAIRS}u;
  ${lines(2, (n) => `let left${n} = ${four(n, 'left')} * ${16 * LEFT_STRIDE}u; let right${n} = ${RIGHT}u + ${four(n, 'right')} * ${16 * RIGHT_STRIDE}u; var sum${n} = Sum();`)}
  ${tokens
    .map((i) =>
      range(i + 1)
        .map((j) => `var own${i}_${j} = 0.0;`)
        .join(' '),
    )
    .join('\n')}
  ${each((m) => `var nextQ${m}: ${element}; var nextK${m}: ${element}; var nextG${m}: vec2f;`)}
  ${fetch('0u')}
  for (var c = 0u; c < ${slices}u; c++) {
    ${take}
    ${fetch(`min(c + 1u, ${slices - 1}u)`)}
    ${within}
    ${left}
    eights[local] = rest;
    workgroupBarrier();
    let block = eight / 2u;
    if (eight % 2u == 1u) {
      ${putEach(0, LEFT_STRIDE, `${EIGHT}u * block`, (m) => `read${m}`)}
    } else {
      ${putEach(RIGHT, RIGHT_STRIDE, `${EIGHT}u * block`, (m) => `kept${m}`)}
    }
    if (block > 0u) {
      var before = vec2f(1.0);
      if (eight % 2u == 1u) { before = eights[local - ${PAIRS}u]; }
      ${putEach(16 * LEFT_STRIDE, LEFT_STRIDE, `${EIGHT}u * eight`, (m) => `read${m} * before`)}
    }
    var onwards = vec2f(1.0);
    if (eight % 2u == 0u) { onwards = eights[local + ${PAIRS}u]; }
    let sixteen1 = eights[${2 * PAIRS}u + channels] * eights[${3 * PAIRS}u + channels];
    let sixteen2 = eights[${4 * PAIRS}u + channels] * eights[${5 * PAIRS}u + channels];
    ${range(3)
      .map((from) => `${from > 0 ? 'else ' : ''}if (block == ${from}u) { ${keysOf(from)} }`)
      .join('\n')}
    workgroupBarrier();
    ${multiply}
  }
  workgroupBarrier();
  // Between sixteens.
  ${lines(2, (n) =>
    range(3)
      .map((subgroup) => {
        const { from, to } = PRODUCTS[2 * subgroup + n]!;
        return `if (subgroup == ${subgroup}u) { subgroupMatrixStore<row_major>(&scores, out + ${16 * to * CHUNK + 16 * from}u, sum${n}, ${CHUNK}u); }`;
      })
      .join('\n'),
  )}
  if (subgroup == 3u) {
    subgroupMatrixStore<row_major>(&memory, 0u, sum0, ${SUM_STRIDE}u);
    subgroupMatrixStore<row_major>(&memory, ${SUM_SIZE}u, sum1, ${SUM_STRIDE}u);
  }
  // Within eights: the sums of 16 invocations, two rows at a time.
  ${range(EIGHT / 2)
    .map(
      (round) => `${[0, 1]
        .flatMap((r) =>
          range(2 * round + r + 1).map(
            (j) =>
              `memory[${2 * SUM_SIZE + (8 * r + j) * EIGHT * (PAIRS / 4)}u + local / 4u][local % 4u] = bitcast<u32>(own${2 * round + r}_${j});`,
          ),
        )
        .join('\n')}
  workgroupBarrier();
  {
    let i = ${2 * round}u + local % 16u / 8u;
    let j = local % 8u;
    var sum = 0.0;
    if (j <= i) {
      let at = ${2 * SUM_SIZE}u + (local % 16u * ${EIGHT}u + eight) * ${PAIRS / 4}u;
      sum = dot(bitcast<vec4f>(memory[at]) + bitcast<vec4f>(memory[at + 1u]) + bitcast<vec4f>(memory[at + 2u]) + bitcast<vec4f>(memory[at + 3u]), vec4f(1.0));
    }
    scores[out + (8u * eight + i) * ${CHUNK}u + 8u * eight + j] = sum;
  }
  workgroupBarrier();`,
    )
    .join('\n')}
  // Between the eights of a sixteen, and from a token to later ones.
  for (var e = local; e < ${CHUNK * CHUNK}u; e += ${THREADS}u) {
    let i = e / ${CHUNK}u;
    let j = e % ${CHUNK}u;
    if (j / 8u > i / 8u) {
      scores[out + e] = 0.0;
    } else if (j / 16u == i / 16u && j / 8u < i / 8u) {
      let row = i / 16u % 2u * 8u + i % 8u;
      let column = i / 16u % 2u * 8u + j % 8u;
      scores[out + e] = bitcast<vec4f>(memory[i / 32u * ${SUM_SIZE}u + row * ${SUM_STRIDE}u + column / 4u])[column % 4u];
    }
  }
}
`;
}

export function samples(): Program[] {
  return [
    gatedScoresF16({ dim: 48, held: 'f32' }),
    gatedScoresF16({ dim: 128, held: 'f32' }),
    gatedScoresF16({ dim: 128, held: 'f16' }),
  ];
}
