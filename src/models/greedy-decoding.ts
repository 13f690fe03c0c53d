// Greedy decoding: the argmax of each token's logits is the next token, without leaving the device. On webgpu the dispatches of a
// token are recorded until two tokens in a row (two cycles, where a mixer computes in mini-batches) have the same ones, and are
// replayed from then on: a token then costs the host no more than recording what is known, whatever the model.
import * as tf from '#tfjs';
import { DeviceBackend } from '../backends/device-backend.js';
import { sameCycles, type RecordedCycle, type Recording } from '../backends/recording.js';
import { Replay } from '../backends/replay.js';
import { scope } from '../ops/scope.js';
import { DecodedIds } from './decoded-ids.js';
import type { Decoder } from './decoder.js';
import type { ModelState } from './language-model.js';

/** What a token is computed from. */
interface Point {
  readonly ids: tf.Tensor1D;
  readonly state: ModelState;
}

/** A cycle that can be replayed, and the tensors that it begins and ends with and the ids after each of its tokens. */
interface ReplayedCycle {
  readonly replay: Replay;
  readonly from: Point;
  readonly to: Point;
  readonly ids: readonly tf.Tensor1D[];
}

/** A cycle that is being recorded. */
interface OpenCycle {
  readonly from: Point;
  readonly tokens: Recording[];
  readonly ids: tf.Tensor1D[];
}

export class GreedyDecoder {
  private readonly model: Decoder;
  /** What the last call ended with: the next may begin there. */
  private cycle: ReplayedCycle | null = null;

  constructor(model: Decoder) {
    this.model = model;
  }

  /**
   * Goes on from a state, which is left as it is; ids are read back after every `readEvery` tokens.
   * @returns ids [tokens, batch] in row-major order
   */
  async decode(start: ModelState, first: tf.Tensor1D, tokens: number, readEvery: number): Promise<Int32Array> {
    this.model.engine.use();
    const decoded = new DecodedIds(first.size, readEvery);
    const end = start.position + tokens;
    let { position } = start;
    try {
      const point = { ids: tf.clone(first), state: this.model.forSteps(start, first.size) };
      if (!this.enter(point)) position = await this.step(point, end, decoded);
      while (position < end) {
        position = await this.replay(position, end, decoded);
        if (position < end) position = await this.step(this.leave(position), end, decoded);
      }
      return await decoded.all();
    } finally {
      decoded.dispose();
    }
  }

  dispose(): void {
    if (this.cycle !== null) tf.dispose(tensorsAt(this.leave(0)));
  }

  /** Computes tokens up to `end`, or until there is a cycle. `point` is ours, and is gone afterwards. */
  private async step(point: Point, end: number, decoded: DecodedIds): Promise<number> {
    const backend = tf.backend();
    const { period } = this.model;
    let before: RecordedCycle | null = null;
    let cycle: OpenCycle = { from: point, tokens: [], ids: [] };
    let now = point;
    const forget = (tokens: readonly Recording[]) =>
      tokens.forEach((token) => (backend as DeviceBackend).forget(token));
    while (now.state.position < end) {
      const last = now;
      if (backend instanceof DeviceBackend) {
        const { value, recording } = backend.recordToken(last.state.position, () => this.next(last));
        cycle.tokens.push(recording);
        now = value;
      } else now = this.next(last);
      cycle.ids.push(now.ids);
      tf.dispose(without(tensorsAt(last), [...tensorsAt(cycle.from), ...tensorsAt(now), ...cycle.ids]));
      await decoded.add(now.ids);
      if (!(backend instanceof DeviceBackend)) {
        tf.dispose(without(tensorsAt(cycle.from), tensorsAt(now)));
        cycle = { from: now, tokens: [], ids: [] };
      } else if (cycle.tokens.length === period) {
        const recorded: RecordedCycle = {
          tokens: cycle.tokens,
          from: buffersAt(cycle.from, backend),
          to: buffersAt(now, backend),
        };
        const again =
          before !== null && sameShapes(cycle.from, now) && Replay.possible(recorded) && sameCycles(before, recorded);
        if (before !== null) forget(before.tokens);
        if (again) {
          const replay = new Replay(backend, recorded);
          replay.close();
          this.cycle = { replay, from: cycle.from, to: now, ids: cycle.ids };
          return now.state.position;
        }
        tf.dispose(without([...tensorsAt(cycle.from), ...cycle.ids], tensorsAt(now)));
        before = recorded;
        cycle = { from: now, tokens: [], ids: [] };
      }
    }
    forget([...(before?.tokens ?? []), ...cycle.tokens]);
    tf.dispose([...new Set([...tensorsAt(cycle.from), ...cycle.ids, ...tensorsAt(now)])]);
    return end;
  }

  /** Replays the cycle up to `end`, or as long as it is right. */
  private async replay(start: number, end: number, decoded: DecodedIds): Promise<number> {
    const { replay, ids } = this.cycle!;
    let position = start;
    while (position < end && position + replay.length <= replay.end)
      for (let token = 0; token < replay.length && position < end; token++) {
        replay.run(position++);
        await decoded.add(ids[token]!);
      }
    return position;
  }

  /** One token more. */
  private next({ ids, state }: Point): Point {
    return scope(() => {
      const { hidden, state: after } = this.model.step(ids, state);
      return { ids: tf.argMax(this.model.logits(hidden), 1) as tf.Tensor1D, state: after };
    });
  }

  /** Lets the cycle that there is begin here, if it can; then the point, which is ours, is gone. */
  private enter(point: Point): boolean {
    if (this.cycle === null) return false;
    const { replay, from } = this.cycle;
    const { position } = point.state;
    const fits =
      sameShapes(point, from) &&
      (position - from.state.position) % replay.length === 0 &&
      position + replay.length <= replay.end;
    if (!fits) {
      this.dispose();
      return false;
    }
    const backend = tf.backend() as DeviceBackend;
    const places = buffersAt(from, backend);
    buffersAt(point, backend).forEach((buffer, i) => backend.copy(buffer, places[i]!));
    tf.dispose(tensorsAt(point));
    return true;
  }

  /** The point where the cycle begins, which it has come to at `position`; the cycle is gone. */
  private leave(position: number): Point {
    const { replay, from, to, ids } = this.cycle!;
    this.cycle = null;
    replay.dispose();
    tf.dispose(without([...tensorsAt(to), ...ids], tensorsAt(from)));
    return { ids: from.ids, state: { ...from.state, position } };
  }
}

/** Each tensor once, in an order that is the same for states of one structure. */
function tensorsAt({ ids, state }: Point): tf.Tensor[] {
  return [ids, ...tf.tensor_util.getTensorsInContainer(state.layers as unknown as tf.TensorContainer)];
}

function buffersAt(point: Point, backend: DeviceBackend): GPUBuffer[] {
  return tensorsAt(point).map((tensor) => backend.bufferOf(tensor));
}

function without(tensors: readonly tf.Tensor[], kept: readonly tf.Tensor[]): tf.Tensor[] {
  const others = new Set(kept);
  return [...new Set(tensors)].filter((tensor) => !others.has(tensor));
}

function sameShapes(a: Point, b: Point): boolean {
  const shapes = (point: Point) => tensorsAt(point).map(({ shape }) => shape.join());
  return shapes(a).join(';') === shapes(b).join(';');
}
