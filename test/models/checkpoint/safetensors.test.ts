import { readdir, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { openSafetensors, readFloats, readIntegers } from '../../../src/models/checkpoint/safetensors.js';
import { writeSafetensors, type StorageDtype } from '../../../src/models/checkpoint/safetensors-writer.js';
import { goldenFixtures, scratchDirectory, userError, writeFloatTensors, writeRawSafetensors } from './files.js';

const values = Float32Array.of(1, -0.5, 2 ** -20, 0.333251953125, 0, 60000);
const tolerance: Record<StorageDtype, number> = { f32: 0, f16: 2 ** -11, bf16: 2 ** -8 };

for (const dtype of ['f32', 'f16', 'bf16'] as const)
  test(`what is written as ${dtype} is read back to that precision`, async (t) => {
    const file = path.join(await scratchDirectory(t), 'x.safetensors');
    await writeSafetensors(
      file,
      new Map([
        ['a', { shape: [2, 3], read: async () => values }],
        ['scalar', { shape: [], read: async () => Float32Array.of(7) }],
        ['empty', { shape: [0, 3], read: async () => new Float32Array(0) }],
      ]),
      dtype,
    );
    const source = await openSafetensors(file);
    const read = await readFloats(source, 'a');
    t.true(read.every((value, i) => Math.abs(value - values[i]!) <= Math.abs(values[i]!) * tolerance[dtype]));
    t.deepEqual([...(await readFloats(source, 'scalar'))], [7]);
    t.is((await readFloats(source, 'empty')).length, 0);
    t.deepEqual(source.metadata, { format: 'pt' });
    t.deepEqual(
      [...source.tensors.values()].map(({ shape }) => shape),
      [[2, 3], [], [0, 3]],
    );
  });

test('float64 and integers are read, and 64-bit integers must fit a number', async (t) => {
  const data = new Uint8Array([
    ...new Uint8Array(Float64Array.of(Math.PI).buffer),
    ...new Uint8Array(BigInt64Array.of(-5n).buffer),
    ...new Uint8Array(BigInt64Array.of(2n ** 60n).buffer),
    ...new Uint8Array(Int32Array.of(3, -4).buffer),
  ]);
  const header = {
    double: { dtype: 'F64', shape: [1], data_offsets: [0, 8] },
    long: { dtype: 'I64', shape: [1], data_offsets: [8, 16] },
    huge: { dtype: 'I64', shape: [1], data_offsets: [16, 24] },
    int: { dtype: 'I32', shape: [2], data_offsets: [24, 32] },
  };
  const file = await writeRawSafetensors(path.join(await scratchDirectory(t), 'x.safetensors'), header, data);
  const source = await openSafetensors(file);
  t.deepEqual([...(await readFloats(source, 'double'))], [Math.fround(Math.PI)]);
  t.deepEqual(await readIntegers(source, 'long'), [-5]);
  t.deepEqual(await readIntegers(source, 'int'), [3, -4]);
  t.is(
    (await userError(t, readIntegers(source, 'huge'))).message,
    'tensor huge of x.safetensors holds integers beyond 2^53',
  );
  t.is(
    (await userError(t, readFloats(source, 'int'))).message,
    'tensor int of x.safetensors has dtype I32, expected floats',
  );
  t.is(
    (await userError(t, readIntegers(source, 'double'))).message,
    'tensor double of x.safetensors has dtype F64, expected integers',
  );
  t.is((await userError(t, readFloats(source, 'none'))).message, 'tensor none of x.safetensors is not there');
});

test('rows are read without the rest of the tensor', async (t) => {
  const file = path.join(await scratchDirectory(t), 'x.safetensors');
  await writeFloatTensors(file, { a: { shape: [1], values: [9] }, b: { shape: [3, 2], values: [1, 2, 3, 4, 5, 6] } });
  t.deepEqual([...(await readFloats(await openSafetensors(file), 'b', { start: 1, end: 3 }))], [3, 4, 5, 6]);
});

test('the golden inputs are read', async (t) => {
  const source = await openSafetensors(path.join(goldenFixtures, 'swat', 'golden.safetensors'));
  const ids = await readIntegers(source, 'input_ids');
  t.is(ids.length, 400);
  t.true(ids.every((id) => id >= 0 && id < 128));
  const [loss] = await readFloats(source, 'loss');
  t.true(loss! > 4 && loss! < 6);
});

const tensor = (start: number, end: number, shape = [1], dtype = 'F32') => ({
  dtype,
  shape,
  data_offsets: [start, end],
});

const damages: [what: string, header: unknown, dataBytes: number, message: RegExp][] = [
  [
    'overlapping tensors',
    { a: tensor(0, 8, [2]), b: tensor(4, 12, [2]) },
    12,
    /^tensor b of x.safetensors starts at byte 4 .* expected 8/,
  ],
  [
    'a gap between tensors',
    { a: tensor(0, 4), b: tensor(8, 12) },
    12,
    /^tensor b of x.safetensors starts at byte 8 .* expected 4/,
  ],
  [
    'a tensor past the end',
    { a: tensor(0, 4), b: tensor(4, 12, [2]) },
    8,
    /^tensor b of x.safetensors ends at byte 12 .* has 8 bytes/,
  ],
  ['data of no tensor', { a: tensor(0, 4) }, 8, /has 8 bytes of data, but its tensors cover 4 bytes$/],
  [
    'a size that is not the shape',
    { a: tensor(0, 8, [3]) },
    8,
    /^tensor a of x.safetensors has 8 bytes, expected 12 bytes for F32 \[3\]$/,
  ],
  ['offsets in the wrong order', { a: tensor(4, 0) }, 4, /^tensor a of x.safetensors has -4 bytes, expected 4 bytes/],
  [
    'an enormous shape',
    { a: tensor(0, 4, [2 ** 50, 2 ** 50, 2 ** 50]) },
    4,
    /^tensor a of x.safetensors has 4 bytes, expected/,
  ],
  ['a negative offset', { a: tensor(-4, 0) }, 4, /header of x.safetensors is wrong at a.data_offsets.0/],
  ['a fractional shape', { a: tensor(0, 4, [0.5]) }, 4, /header of x.safetensors is wrong at a.shape.0/],
  [
    'an unknown dtype',
    { a: tensor(0, 4, [4], 'F8_E4M3') },
    4,
    /^tensor a of x.safetensors has dtype F8_E4M3, expected one of F64, F32/,
  ],
  ['a dtype like a property of objects', { a: tensor(0, 4, [4], 'toString') }, 4, /has dtype toString/],
  ['a tensor that is a number', { a: 3 }, 4, /header of x.safetensors is wrong at a:/],
  ['metadata that is no text', { __metadata__: { a: 1 } }, 0, /header of x.safetensors is wrong at __metadata__.a/],
  ['a list for a header', [], 0, /^the header of x.safetensors is not a JSON object$/],
  ['a header that is no JSON', '{"a": ', 0, /^x.safetensors is not valid JSON: line 1, column 7/],
  ['a tensor named twice', '{"a": 1, "a": 2}', 0, /expected each key once, but "a" comes again/],
];

for (const [what, header, dataBytes, message] of damages)
  test(`${what}: an error that says so`, async (t) => {
    const file = path.join(await scratchDirectory(t), 'x.safetensors');
    await writeRawSafetensors(file, header, new Uint8Array(dataBytes));
    const error = await userError(t, openSafetensors(file));
    t.regex(error.message, message);
    t.is(error.kind, 'data');
    t.true(error.where?.startsWith(file));
  });

test('a header length beyond the file is an error with both numbers', async (t) => {
  const file = path.join(await scratchDirectory(t), 'x.safetensors');
  const length = Buffer.alloc(12);
  length.writeBigUInt64LE(2n ** 63n);
  await writeFile(file, length);
  const { message } = await userError(t, openSafetensors(file));
  t.is(message, 'x.safetensors claims a header of 9,223,372,036,854,775,808 bytes, expected at most 4 bytes');
});

test('a header that is no text is an error', async (t) => {
  const file = path.join(await scratchDirectory(t), 'x.safetensors');
  await writeFile(file, Buffer.from([2, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe]));
  t.is((await userError(t, openSafetensors(file))).message, 'the header of x.safetensors is not UTF-8 text');
});

test('an empty file, a missing one and a directory are errors', async (t) => {
  const directory = await scratchDirectory(t);
  const file = path.join(directory, 'x.safetensors');
  t.is((await userError(t, openSafetensors(file))).message, `cannot read ${file}: it does not exist`);
  await writeFile(file, '');
  t.regex((await userError(t, openSafetensors(file))).message, /^x.safetensors holds 0 bytes, expected/);
  t.is((await userError(t, openSafetensors(directory))).message, `${directory} is not a file`);
});

test('a file that is cut short after it was opened is an error, not zeros', async (t) => {
  const file = path.join(await scratchDirectory(t), 'x.safetensors');
  const source = await openSafetensors(await writeFloatTensors(file, { a: { shape: [4], values: [1, 2, 3, 4] } }));
  await truncate(file, source.tensors.get('a')!.offset + 6);
  t.is((await userError(t, readFloats(source, 'a'))).message, 'x.safetensors became shorter while it was read');
});

test('a value beyond float16 is not written as infinity, and no file is left', async (t) => {
  const directory = await scratchDirectory(t);
  const file = path.join(directory, 'x.safetensors');
  const tensors = new Map([['a', { shape: [3], read: async () => Float32Array.of(1, 7e4, -1e9) }]]);
  const error = await userError(t, writeSafetensors(file, tensors, 'f16'));
  t.is(error.message, '2 values of a are beyond float16, which ends at 65,504');
  t.deepEqual(await readdir(directory), []);
});
