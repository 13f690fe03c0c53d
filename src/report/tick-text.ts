// Lengths, bytes and figures as axes write them.

/** 512, 1k, 16k: powers of two, as they are typed. */
export function lengthText(length: number): string {
  return length >= 1024 && length % 1024 === 0 ? `${length / 1024}k` : String(length);
}

/** 0.05, 20, 5,000, 2M. */
export function figureText(value: number): string {
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
  return value >= 1 ? value.toLocaleString('en-US') : String(Number(value.toPrecision(3)));
}

/** In which an axis counts bytes. */
export interface ByteUnit {
  readonly bytes: number;
  readonly name: string;
}

export function byteUnit(bytes: readonly number[]): ByteUnit {
  return Math.max(...bytes) >= 2 ** 30 ? { bytes: 2 ** 30, name: 'GiB' } : { bytes: 2 ** 20, name: 'MiB' };
}
