// The plans that are compared, each with what its counts of bytes and registers predict. The counts are per step of 2^20
// multiply-adds of a multiprocessor (256 x 128 x 32), in clocks of its tensor cores (2,560 FLOP a clock by HMMA: 819), of its load/store
// unit (128 bytes a clock: fragments read, tiles stored (twice where banks collide), vectors fetched and filled), and of its share of L2
// (24.5 bytes a clock: 5.5 TB/s over 132 multiprocessors at 1.7 GHz).
import { tileOf, threadsOf, PLAN } from '../dist/src/kernels/webgpu/matmul-tensor-core.js';

const BASE = {
  ...PLAN,
  part: [64, 64],
  subgroups: [2, 2],
  slice: 32,
  buffers: 1,
  ahead: 1,
  spread: false,
  rowsOfTiles: 8,
  direct: '',
  output: 'f32',
};
const SPREAD = { ...BASE, spread: true };
const TALL = { ...SPREAD, subgroups: [4, 2], rowsOfTiles: 4 };

/** In the order of what they are worth, so that a budget that runs out costs the last ones. */
export const VARIANTS = [
  { name: 'present', plan: null, why: 'main as it is: 240-250 / 258-265 on H200' },
  {
    name: 'lean',
    plan: BASE,
    why: 'same plan by the new generator, offsets within the tile as lane + constant: fewer registers; +-3 %',
  },
  {
    name: 'spread',
    plan: SPREAD,
    why: 'no bank collides when a tile is stored: LSU 1536 -> 1280; +8 to +15 %, then L2 binds',
  },
  {
    name: 'tall',
    plan: TALL,
    why: '256 x 128 by 8: L2 and stores -25 % (LSU 1088, L2 1003), prefetch 24 registers for 32, but one workgroup a multiprocessor, barriers show; 290-340',
  },
  {
    name: 'tall two',
    plan: { ...TALL, slice: 16, buffers: 2 },
    why: 'the same with 2 buffers of 16 (36 KiB), one barrier a slice, prefetch 12 registers: what the barriers cost; +10 % over tall',
  },
  {
    name: 'big',
    plan: { ...SPREAD, part: [96, 64], subgroups: [2, 4], slice: 16, buffers: 2, rowsOfTiles: 6 },
    why: '192 x 256 by 8 of 96 x 64: LSU 876, L2 780; 192 sums + 16 + 4 + 16 registers: 380-450 if nothing spills, < 100 if it does',
  },
  {
    name: 'square two',
    plan: { ...SPREAD, slice: 16, buffers: 2 },
    why: '128 x 128, 2 buffers of 16 (24 KiB, two workgroups fit), places constant, stores not fenced: +5 to +15 % over spread; sectors of 32 bytes may cost L2',
  },
  {
    name: 'long',
    plan: { ...SPREAD, part: [96, 64], slice: 16, rowsOfTiles: 12 },
    why: '192 x 128 by 4 of 96 x 64: LSU 1024-, L2 1092; 192 + 16 + 4 + 20 registers; 300-370 or a spill',
  },
  {
    name: 'rows 12',
    plan: { ...SPREAD, rowsOfTiles: 12 },
    why: 'workgroups i and i + 132 share rows of A: up to 25 % of L2 reads become L1 hits; 0 to +10 % over spread',
  },
  {
    name: 'wide',
    plan: { ...TALL, subgroups: [2, 4], rowsOfTiles: 8 },
    why: '128 x 256: as tall; tells whether the direction matters; +-3 % of tall',
  },
  {
    name: 'square far',
    plan: { ...SPREAD, slice: 16, buffers: 2, ahead: 2 },
    why: 'square two, fetched two slices ahead (32 registers): helps only if L2 latency shows; 0 to +5 % over square two',
  },
  {
    name: 'square 32',
    plan: { ...SPREAD, buffers: 2 },
    why: '2 buffers of 32 (40 KiB) with constant places: if still half the speed, one workgroup fits and the table is right; else it was the moving offsets',
  },
  {
    name: 'long two',
    plan: { ...SPREAD, part: [96, 64], slice: 16, buffers: 2, rowsOfTiles: 12 },
    why: 'long with 2 buffers (30 KiB)',
  },
  {
    name: 'tall far',
    plan: { ...TALL, slice: 16, buffers: 2, ahead: 2 },
    why: 'tall two, fetched two slices ahead (24 registers): what L2 latency costs with one workgroup; 0 to +5 % over tall two',
  },
  {
    name: 'half out',
    plan: { ...SPREAD, output: 'f16' },
    why: 'C in f16 through workgroup memory: C bytes halved: +8 % at 32768 x 1024 x 1024, +-2 % at the squares',
  },
  {
    name: 'direct B',
    plan: { ...SPREAD, direct: 'B' },
    why: 'B fragments from memory: 4-byte loads of half-used sectors, each by two subgroups; 100-170',
  },
  {
    name: 'direct AB',
    plan: { ...BASE, slice: 16, direct: 'AB' },
    why: 'no workgroup memory, no barriers: L1 reads twice the bytes of LDSM in 4-byte loads; 60-120',
  },
];

/** Counts from which the predictions are made. */
export function counts(plan) {
  const p = plan ?? BASE;
  const [pm, pn] = p.part;
  const [tm, tn] = tileOf(p);
  const mac = 2 ** 20;
  const moved = 2 * mac * (1 / tm + 1 / tn);
  const collide = p.spread ? 1 : 2;
  const vectors = Math.ceil((tm * p.slice) / 8 / threadsOf(p)) + Math.ceil((tn * p.slice) / 8 / threadsOf(p));
  return {
    tile: `${tm}x${tn}x${p.slice}`,
    threads: threadsOf(p),
    lsu_clocks: Math.round((2 * mac * (1 / pm + 1 / pn) + moved * (collide + 2)) / 128),
    l2_clocks: Math.round(moved / 24.5),
    sums: (pm * pn) / 32,
    prefetch_registers: p.direct === 'AB' ? 0 : 4 * vectors * p.ahead,
    workgroup_bytes: p.direct === 'AB' ? 0 : p.buffers * ((p.direct === 'B' ? 0 : tn) + tm) * (p.slice * 2 + 16),
  };
}
