// What the gradients of the memories that learn in mini-batches or chunks share (TTT, Titans): a workgroup a row and head goes
// through the chunks of K tokens, an invocation has two tokens, `a` and `b`, and four columns of their rows [D]; matrices [D, D] stay
// in storage buffers, rows of tokens in workgroup memory.

export interface PairForm {
  /** D, a multiple of 4. */
  readonly dim: number;
  /** K */
  readonly chunk: number;
}

/** Vectors in a row, places for tokens (an even number), and a workgroup's invocations. */
export function pairGeometry({ dim, chunk }: PairForm) {
  const fourths = dim / 4;
  const slots = 2 * Math.ceil(chunk / 2);
  return { fourths, slots, invocations: (slots / 2) * fourths };
}

export const eachToken = (text: (t: 'a' | 'b') => string) => `${text('a')}\n${text('b')}`;

/** Tiles [K, D] by these names, and sums over rows. */
export function pairTiles(form: PairForm, names: readonly string[]): string {
  const { fourths, slots, invocations } = pairGeometry(form);
  return `
${names.map((name) => `var<workgroup> ${name}: array<vec4f, ${slots * fourths}>;`).join('\n')}
var<workgroup> parts: array<vec4f, ${invocations}>;

fn total(x: vec4f) -> f32 { return (x.x + x.y) + (x.z + x.w); }

/** Summed over the rows of a pair. */
fn rowSums(local: u32, value: vec4f) -> vec4f {
  parts[local] = value;
  workgroupBarrier();
  let start = local - local % ${fourths}u;
  var sum = vec4f();
  for (var i = 0u; i < ${fourths}u; i++) { sum += parts[start + i]; }
  workgroupBarrier();
  return sum;
}
`;
}

/** Bytes of workgroup memory for tiles, their sums and matrices [K, K]. */
export function pairBytes(form: PairForm, tiles: number, squares: number): number {
  const { fourths, slots, invocations } = pairGeometry(form);
  return 16 * (tiles * slots * fourths + invocations) + 4 * squares * slots * slots;
}

export function pairInvocation(form: PairForm): string {
  const { fourths } = pairGeometry(form);
  return `
  let pair = local / ${fourths}u;
  let fourth = local % ${fourths}u;
  ${eachToken((t) => `let slot_${t} = 2u * pair + ${t === 'a' ? 0 : 1}u;\n  let own_${t} = slot_${t} * ${fourths}u + fourth;`)}`;
}

/** The chunk n: its tokens, and each invocation's of them, zeros where there are none; some into tiles. A barrier must follow. */
export function pairTokens(form: PairForm, vectors: readonly string[], tiles: readonly string[]): string {
  const { fourths } = pairGeometry(form);
  return `
    // The slot of the chunk's first token, and the one behind its last.
    let begin = select(0u, uniforms.place, n == 0u);
    let past = min(${form.chunk}u, uniforms.place + uniforms.length - n * ${form.chunk}u);
    // Where the token of slot 0 is, or would be; the sums with a slot that has a token are not negative.
    let base = row * uniforms.length + n * ${form.chunk}u - uniforms.place;
    ${eachToken(
      (t) => `
    let has_${t} = slot_${t} >= begin && slot_${t} < past;
    let at_${t} = (base + slot_${t}) * ${fourths}u + fourth;
    ${vectors.map((name) => `var ${name}_${t} = vec4f();`).join(' ')}
    if (has_${t}) { ${vectors.map((name) => `${name}_${t} = ${name}[at_${t}];`).join(' ')} }
    ${tiles.map((name) => `${name}Tile[own_${t}] = ${name}_${t};`).join(' ')}`,
    )}`;
}

/** sums += rows of tiles times a matrix. */
export function timesMatrix(
  form: PairForm,
  matrix: string,
  start: string,
  sums: readonly (readonly [sum: string, tile: string])[],
): string {
  const { fourths } = pairGeometry(form);
  return `
    for (var c = 0u; c < ${fourths}u; c++) {
      let block = ${matrixBlock(matrix, `${start} + 4u * c * ${fourths}u + fourth`, fourths)};
      ${sums.map(([sum, tile]) => eachToken((t) => `${sum}_${t} += block * ${tile}[slot_${t} * ${fourths}u + c];`)).join('\n')}
    }`;
}

/** The vector at a place, and those of the three rows below. */
export function matrixBlock(matrix: string, at: string, fourths: number): string {
  return `mat4x4f(${[0, 1, 2, 3].map((m) => `${matrix}[${at} + ${m * fourths}u]`).join(', ')})`;
}

/** A function of a place in [K, K]: the product of its row in one tile and its column's in the other. */
export function rowsDot(form: PairForm, name: string, left: string, right: string): string {
  const { fourths, slots } = pairGeometry(form);
  return `
fn ${name}(at: u32) -> f32 {
  let i = at / ${slots}u * ${fourths}u;
  let s = at % ${slots}u * ${fourths}u;
  var sum = 0.0;
  // Neighbours begin at neighbouring columns: their reads are of different banks.
  for (var c = 0u; c < ${fourths}u; c++) {
    let column = (at + c) % ${fourths}u;
    sum += dot(${left}[i + column], ${right}[s + column]);
  }
  return sum;
}
`;
}

/** Each vector that the invocation has of a matrix of so many rows: its statement, with the row i and the place in the matrix. */
export function eachVector(form: PairForm, rows: number, statement: string): string {
  const { fourths, slots } = pairGeometry(form);
  return `for (var i = pair; i < ${rows}u; i += ${slots / 2}u) {
      let vector = i * ${fourths}u + fourth;
      ${statement}
    }`;
}

/** Adds what each token s gives to a matrix's row i: its element of `rows`, or 1 for a row D, times its row of `columns`. */
export function outerProducts(
  form: PairForm,
  sums: readonly (readonly [sum: string, rows: string, columns: string, factor?: string])[],
): string {
  const { fourths, slots } = pairGeometry(form);
  return `for (var s = 0u; s < ${slots}u; s++) {
        let at = s * ${fourths}u + min(i / 4u, ${fourths - 1}u);
        ${sums
          .map(
            ([sum, rows, columns, factor]) =>
              `${sum} += ${factor === undefined ? '' : `${factor} * `}select(1.0, ${rows}[at][i % 4u], i < ${form.dim}u) * ${columns}[s * ${fourths}u + fourth];`,
          )
          .join('\n')}
      }`;
}
