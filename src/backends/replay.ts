// A recorded cycle of tokens, ready to run again and again: pipelines and bind groups are at hand, and what a cycle ends with is
// copied to where the next one begins.
import type { DeviceBackend, PreparedDispatch } from './device-backend.js';
import type { RecordedCycle } from './recording.js';

interface Copy {
  readonly from: GPUBuffer;
  readonly to: GPUBuffer;
}

export class Replay {
  private readonly backend: DeviceBackend;
  private readonly cycle: RecordedCycle;
  private readonly tokens: readonly (readonly PreparedDispatch[])[];
  private readonly copies: readonly Copy[];
  /** Ours until we are disposed of: nobody else may put anything there. */
  private readonly held: readonly GPUBuffer[];

  constructor(backend: DeviceBackend, cycle: RecordedCycle) {
    this.backend = backend;
    this.cycle = cycle;
    this.tokens = cycle.tokens.map(({ dispatches }) =>
      dispatches.map(({ pipeline, buffers, workgroups }) => ({
        pipeline,
        bindGroup: backend.bindGroups.of(pipeline, buffers),
        workgroups,
      })),
    );
    this.copies = cycle.from.map((to, i) => ({ from: cycle.to[i]!, to })).filter(({ from, to }) => from !== to);
    const mentioned = cycle.tokens.flatMap(({ dispatches }) => dispatches.flatMap(({ buffers }) => buffers));
    this.held = [...new Set([...mentioned, ...cycle.from, ...cycle.to])].filter((buffer) => backend.pool.hold(buffer));
  }

  /** The cycle can run again: no element of its end lies where another one begins. */
  static possible({ from, to }: RecordedCycle): boolean {
    return from.every(
      (buffer, i) => to[i]!.size === buffer.size && to.every((other, k) => k === i || other !== buffer),
    );
  }

  /** Tokens of a cycle, and the position below which they may stand. */
  get length(): number {
    return this.tokens.length;
  }

  get end(): number {
    return Math.min(...this.cycle.tokens.map(({ end }) => end));
  }

  /** Computes the cycle's token that stands at this position. */
  run(position: number): void {
    const { length } = this;
    const token = (((position - this.cycle.tokens[0]!.position) % length) + length) % length;
    this.cycle.tokens[token]!.writePosition(this.backend.device, position);
    this.backend.recordPrepared(this.tokens[token]!);
    if (token === length - 1) this.close();
    this.backend.flush();
  }

  /** Brings what the cycle ended with to where it begins. */
  close(): void {
    for (const { from, to } of this.copies) this.backend.copy(from, to);
  }

  dispose(): void {
    for (const buffer of this.held) this.backend.pool.releaseBuffer(buffer);
    for (const token of this.cycle.tokens) this.backend.forget(token);
  }
}
