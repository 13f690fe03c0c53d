// How wide flash-linear-attention makes a SwiGLU whose width is not stated: two thirds of `hidden_ratio`, in multiples of 256.

export function swiGluSize(hiddenSize: number, hiddenRatio: number): number {
  return 256 * Math.ceil(Math.trunc((hiddenSize * hiddenRatio * 2) / 3) / 256);
}
