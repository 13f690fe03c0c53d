// OpenBLAS through koffi: single-precision products of matrices that lie anywhere in this process's memory, by address. Both
// are optional. SWAT_EVAL_BLAS names a library, or is `off`; else the system's is taken where there is one.
import os from 'node:os';
import type koffiModule from 'koffi';
import { UserError } from '../user-error.js';

/** C [m, n] = A B; A is [m, k] or, transposed, [k, m]; B is [k, n] or, transposed, [n, k]. Row-major, without gaps. */
export interface MatrixProduct {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

export interface OpenBlas {
  /** Version, processor family and threads: what its results may depend on. */
  readonly description: string;
  /** The address of a buffer's first byte. */
  addressOf(buffer: ArrayBufferLike): number;
  /** The operands by their addresses. */
  multiply(product: MatrixProduct, a: number, b: number, c: number): void;
}

type Koffi = typeof koffiModule;
type Library = ReturnType<Koffi['load']>;

/** What the dynamic linker finds by itself, and where Homebrew keeps what macOS's does not. */
const NAMES: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  darwin: [
    '/opt/homebrew/opt/openblas/lib/libopenblas.dylib',
    '/usr/local/opt/openblas/lib/libopenblas.dylib',
    'libopenblas.dylib',
  ],
  win32: ['libopenblas.dll', 'openblas.dll'],
};
const OTHER_NAMES = ['libopenblas.so.0', 'libopenblas.so'];

/** cblas.h: CblasRowMajor, CblasNoTrans, CblasTrans. */
const ROW_MAJOR = 101;
const AS_IT_IS = 111;
const TRANSPOSED = 112;

/**
 * @param choice a library's name or path, `off`, or undefined for the system's.
 * @returns null where it is off, or where the choice is ours and there is none.
 * @throws UserError 'device' when the named library does not load, or is none that we can use.
 */
export async function loadOpenBlas(choice: string | undefined): Promise<OpenBlas | null> {
  if (choice === 'off') return null;
  const named = choice !== undefined && choice !== '';
  let koffi: Koffi;
  try {
    koffi = (await import('koffi')).default;
  } catch (cause) {
    if (!named) return null;
    throw unusable(choice, 'the package koffi, which loads it, is not installed', cause);
  }
  for (const name of named ? [choice] : (NAMES[process.platform] ?? OTHER_NAMES)) {
    try {
      return bind(koffi, koffi.load(name));
    } catch (cause) {
      if (named) throw unusable(choice, firstLine(cause), cause);
    }
  }
  return null;
}

function bind(koffi: Koffi, library: Library): OpenBlas {
  const config = (library.func('const char *openblas_get_config()') as () => string)();
  if (config.includes('USE64BITINT')) throw new Error('its integers have 64 bits');
  const family = (library.func('const char *openblas_get_corename()') as () => string)();
  const threadCount = library.func('int openblas_get_num_threads()') as () => number;
  const setThreadCount = library.func('void openblas_set_num_threads(int threads)') as (threads: number) => void;
  const sgemm = library.func(
    'void cblas_sgemm(int order, int transposeA, int transposeB, int m, int n, int k, float alpha, ' +
      'uintptr_t a, int lda, uintptr_t b, int ldb, float beta, uintptr_t c, int ldc)',
  ) as (...args: number[]) => void;
  const sgemv = library.func(
    'void cblas_sgemv(int order, int transpose, int rows, int columns, float alpha, ' +
      'uintptr_t matrix, int ld, uintptr_t x, int stepX, float beta, uintptr_t y, int stepY)',
  ) as (...args: number[]) => void;
  /** y = matrix x, or its transpose times x. */
  const timesVector = (transpose: boolean, rows: number, columns: number, matrix: number, x: number, y: number) =>
    sgemv(ROW_MAJOR, transpose ? TRANSPOSED : AS_IT_IS, rows, columns, 1, matrix, columns, x, 1, 0, y, 1);

  // It takes every core, or as many as OPENBLAS_NUM_THREADS says; a container may have fewer.
  setThreadCount(Math.min(threadCount(), os.availableParallelism()));
  const threads = threadCount();
  const version = /OpenBLAS (\S+)/.exec(config)?.[1] ?? 'of unknown version';
  return {
    description: `OpenBLAS ${version} (${family}, ${threads} ${threads === 1 ? 'thread' : 'threads'})`,
    addressOf: (buffer) => Number(koffi.address(new Uint8Array(buffer))),
    multiply: ({ m, n, k, transposeA, transposeB }, a, b, c) => {
      // sgemm packs the whole matrix for the sake of one row: twelve times slower at [1, 1024] x [1024, 1024].
      if (m === 1) timesVector(!transposeB, transposeB ? n : k, transposeB ? k : n, b, a, c);
      else if (n === 1) timesVector(transposeA, transposeA ? k : m, transposeA ? m : k, a, b, c);
      else {
        const [left, right] = [transposeA, transposeB].map((is) => (is ? TRANSPOSED : AS_IT_IS)) as [number, number];
        sgemm(ROW_MAJOR, left, right, m, n, k, 1, a, transposeA ? m : k, b, transposeB ? k : n, 0, c, n);
      }
    },
  };
}

function unusable(library: string, why: string, cause: unknown): UserError {
  return new UserError('device', `SWAT_EVAL_BLAS=${library} does not load: ${why}`, {
    hint: 'the path of a libopenblas, or SWAT_EVAL_BLAS=off',
    cause,
  });
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0]!;
}
