// Text that the memory-bound kernels share. They are written on `real`, four floats (one access of 16 bytes) where the rows
// divide by four, and one float where they do not.

export type Width = 4 | 1;

export function widthOf(size: number): Width {
  return size % 4 === 0 ? 4 : 1;
}

/** Invocations of a workgroup: what every adapter allows. */
export const WORKGROUP = 256;

/** `real`, and the sum of its elements. */
export function realOf(width: Width): string {
  return width === 4
    ? 'alias real = vec4<f32>;\nfn total(x: real) -> f32 { return (x.x + x.y) + (x.z + x.w); }'
    : 'alias real = f32;\nfn total(x: real) -> f32 { return x; }';
}

/** body(0), body(1), ... below each other. */
export function unrolled(count: number, body: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => body(i)).join('\n');
}

/** Storage bindings in the order of the runner: what is read, what is written, and the uniforms. */
export function bindings(
  reads: Readonly<Record<string, string>>,
  writes: Readonly<Record<string, string>>,
  uniforms?: string,
): string {
  const all = [
    ...Object.entries(reads).map(([name, element]) => `var<storage, read> ${name}: array<${element}>;`),
    ...Object.entries(writes).map(([name, element]) => `var<storage, read_write> ${name}: array<${element}>;`),
    ...(uniforms === undefined ? [] : ['var<uniform> uniforms: Uniforms;']),
  ];
  return [
    ...(uniforms === undefined ? [] : [`struct Uniforms { ${uniforms} }`]),
    ...all.map((variable, binding) => `@group(0) @binding(${binding}) ${variable}`),
  ].join('\n');
}

/** The entry point of a kernel with one item an invocation: `item` of `uniforms.count`, laid out by `workgroupsFor`. */
export function perItem(body: string): string {
  return `
@compute @workgroup_size(${WORKGROUP})
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let item = (workgroup.y * workgroups.x + workgroup.x) * ${WORKGROUP}u + local;
  if (item >= uniforms.count) { return; }
  ${body}
}`;
}

/**
 * `rowSum(local, value)`: the sum of a value of type `element` over each run of `lanes` neighbouring invocations, a power of
 * two, as a tree. All invocations must call it.
 */
export function rowSum(lanes: number, element: string): string {
  return `
var<workgroup> summed: array<${element}, ${WORKGROUP}>;
fn rowSum(local: u32, value: ${element}) -> ${element} {
  summed[local] = value;
  workgroupBarrier();
  let lane = local % ${lanes}u;
  for (var distance = ${Math.floor(lanes / 2)}u; distance > 0u; distance /= 2u) {
    if (lane < distance) { summed[local] += summed[local + distance]; }
    workgroupBarrier();
  }
  let sum = summed[local - lane];
  workgroupBarrier();
  return sum;
}`;
}
