// The dispatches of a computation, kept to be recorded again without the host's work of computing what they are: a token that is
// generated has the same ones as the token before. That two computations are the same is not assumed: it is compared.

export interface DeviceDispatch {
  readonly pipeline: GPUComputePipeline;
  /** In the order of their bindings. */
  readonly buffers: readonly GPUBuffer[];
  /** Those of them that the kernel fills, and those that it changes. */
  readonly outputs: readonly GPUBuffer[];
  readonly updates: readonly GPUBuffer[];
  readonly workgroups: readonly [x: number, y: number, z: number];
}

/** What one token was computed with. */
export class Recording {
  readonly dispatches: DeviceDispatch[] = [];
  /** What came from the host meanwhile. */
  readonly uploads = new Map<GPUBuffer, ArrayLike<number>>();
  /** Where the token stands in its sequence, and the uniform buffer that tells the kernels so. */
  readonly position: number;
  readonly positionBuffer: GPUBuffer;
  /** The dispatches are right at positions below this one. */
  end = Infinity;

  constructor(device: GPUDevice, position: number) {
    this.position = position;
    this.positionBuffer = device.createBuffer({ size: 16, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
    this.writePosition(device, position);
  }

  writePosition(device: GPUDevice, position: number): void {
    device.queue.writeBuffer(this.positionBuffer, 0, Uint32Array.of(position, 0, 0, 0));
  }
}

/** Tokens that were computed one after the other, from some buffers to others. */
export interface RecordedCycle {
  readonly tokens: readonly Recording[];
  readonly from: readonly GPUBuffer[];
  readonly to: readonly GPUBuffer[];
}

/** Whether two cycles do the same with what they start from: they may differ in which buffers hold what is in between. */
export function sameCycles(a: RecordedCycle, b: RecordedCycle): boolean {
  const [roles, others] = [rolesOf(a.from), rolesOf(b.from)];
  const same = (ours: readonly GPUBuffer[], theirs: readonly GPUBuffer[]) =>
    ours.length === theirs.length &&
    ours.every((buffer, i) => (roles.get(buffer) ?? buffer) === (others.get(theirs[i]!) ?? theirs[i]));
  if (a.tokens.length !== b.tokens.length) return false;
  for (const [t, token] of a.tokens.entries()) {
    const other = b.tokens[t]!;
    if (token.dispatches.length !== other.dispatches.length) return false;
    roles.set(token.positionBuffer, `position ${t}`);
    others.set(other.positionBuffer, `position ${t}`);
    const uploads = [...other.uploads];
    if (token.uploads.size !== uploads.length) return false;
    for (const [i, [buffer, values]] of [...token.uploads].entries()) {
      if (!equal(values, uploads[i]![1])) return false;
      roles.set(buffer, `upload ${t} ${i}`);
      others.set(uploads[i]![0], `upload ${t} ${i}`);
    }
    for (const [i, dispatch] of token.dispatches.entries()) {
      const twin = other.dispatches[i]!;
      if (dispatch.pipeline !== twin.pipeline || !equal(dispatch.workgroups, twin.workgroups)) return false;
      if (!same(contents(dispatch), contents(twin))) return false;
      for (const [what, of] of [[roles, dispatch] as const, [others, twin] as const])
        [...of.outputs, ...of.updates].forEach((buffer, k) => what.set(buffer, `result ${t} ${i} ${k}`));
    }
  }
  return same(a.to, b.to);
}

/** The buffers whose content matters to a dispatch. */
function contents({ buffers, outputs }: DeviceDispatch): GPUBuffer[] {
  return buffers.filter((buffer) => !outputs.includes(buffer));
}

/** What a buffer holds, by name: an element of the start at first, then what writes it. */
function rolesOf(from: readonly GPUBuffer[]): Map<GPUBuffer, string> {
  return new Map(from.map((buffer, i) => [buffer, `start ${i}`]));
}

function equal(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
