// Whether a GPU multiplies matrices as our f16 kernels are written: 16 x 16 x 16, f16 into f32 or f16, by subgroups of 32.

/** A product of matrices that a subgroup computes in one instruction. */
export interface SubgroupMatrixConfig {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly componentType: string;
  readonly resultComponentType: string;
}

/** What the kernels were written for: they find the subgroup of an invocation by dividing its index. */
const SUBGROUP = 32;

/** What the adapter lacks for them, in words; null where it has it all. */
export function lackingForTensorCores(features: ReadonlySet<string>, info: GPUAdapterInfo): string | null {
  const lacking: string[] = [];
  if (!features.has('shader-f16')) lacking.push('no shader-f16');
  if (!features.has('chromium-experimental-subgroup-matrix')) lacking.push('no subgroup matrices');
  else
    for (const sums of ['f32', 'f16'])
      if (!matrixConfigs(info).some((config) => isOurs(config, sums)))
        lacking.push(`no subgroup matrices of 16 x 16 x 16, f16 into ${sums}`);
  const { subgroupMinSize: least, subgroupMaxSize: most } = info;
  if (least !== SUBGROUP || most !== SUBGROUP)
    lacking.push(`subgroups of ${least === most ? least : `${least} to ${most}`} where ${SUBGROUP} are needed`);
  return lacking.length === 0 ? null : lacking.join(', ');
}

function matrixConfigs(info: GPUAdapterInfo): readonly SubgroupMatrixConfig[] {
  return (info as { subgroupMatrixConfigs?: readonly SubgroupMatrixConfig[] }).subgroupMatrixConfigs ?? [];
}

function isOurs({ M, N, K, componentType, resultComponentType }: SubgroupMatrixConfig, sums: string): boolean {
  return M === 16 && N === 16 && K === 16 && componentType === 'f16' && resultComponentType === sums;
}
