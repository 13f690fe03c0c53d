// The device has no room for a batch; the scheduler halves it and goes on.

export class OutOfMemoryError extends Error {
  override readonly name = 'OutOfMemoryError';
}
