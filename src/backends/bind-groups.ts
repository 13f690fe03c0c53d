// Bind groups by pipeline and buffers. Making one costs the host more than the rest of a dispatch, and the pool gives the same
// buffers to the same dispatches of every token and batch.

const MOST_GROUPS = 8192;

interface GroupsOfPipeline {
  readonly layout: GPUBindGroupLayout;
  /** By the numbers of the buffers. */
  readonly groups: Map<string, GPUBindGroup>;
}

export class BindGroups {
  private byPipeline = new Map<GPUComputePipeline, GroupsOfPipeline>();
  private readonly numbers = new WeakMap<GPUBuffer, number>();
  private readonly device: GPUDevice;
  private numbered = 0;
  private count = 0;

  constructor(device: GPUDevice) {
    this.device = device;
  }

  /** Binds the buffers, whole, in the order of their bindings. */
  of(pipeline: GPUComputePipeline, buffers: readonly GPUBuffer[]): GPUBindGroup {
    let key = '';
    for (const buffer of buffers) key += `${this.numberOf(buffer)},`;
    const { layout, groups } = this.groupsOf(pipeline);
    let group = groups.get(key);
    if (group === undefined) {
      const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
      group = this.device.createBindGroup({ layout, entries });
      if (++this.count > MOST_GROUPS) this.clear();
      else groups.set(key, group);
    }
    return group;
  }

  private clear(): void {
    for (const { groups } of this.byPipeline.values()) groups.clear();
    this.count = 0;
  }

  private groupsOf(pipeline: GPUComputePipeline): GroupsOfPipeline {
    let found = this.byPipeline.get(pipeline);
    if (found === undefined) {
      found = { layout: pipeline.getBindGroupLayout(0), groups: new Map() };
      this.byPipeline.set(pipeline, found);
    }
    return found;
  }

  private numberOf(buffer: GPUBuffer): number {
    let number = this.numbers.get(buffer);
    if (number === undefined) {
      number = this.numbered++;
      this.numbers.set(buffer, number);
    }
    return number;
  }
}
