// Ctrl-C in two steps: the first one asks the command to stop, which flushes its work and says how to go on; the second
// one kills the process at once.

export type InterruptName = 'SIGINT' | 'SIGTERM';

export interface Interrupts {
  /**
   * The signal that aborts at the first SIGINT or SIGTERM; its `reason` is the name of the signal. A command that asks
   * for it promises to stop when it aborts; one that does not is killed by the first Ctrl-C, as any program.
   */
  signal(): AbortSignal;
  /** The signal that came, null before. */
  received(): InterruptName | null;
}

/** What this needs of `process`. */
export interface SignalSource {
  on(name: InterruptName, listener: (name: InterruptName) => void): unknown;
  removeListener(name: InterruptName, listener: (name: InterruptName) => void): unknown;
}

export function createInterrupts(source: SignalSource): Interrupts {
  const names: readonly InterruptName[] = ['SIGINT', 'SIGTERM'];
  let controller: AbortController | null = null;
  let received: InterruptName | null = null;
  const onSignal = (name: InterruptName): void => {
    received = name;
    // Without a listener the operating system's own handling is back: it kills even in the middle of a long computation.
    for (const each of names) source.removeListener(each, onSignal);
    controller?.abort(name);
  };
  return {
    signal() {
      if (controller === null) {
        controller = new AbortController();
        for (const name of names) source.on(name, onSignal);
      }
      return controller.signal;
    },
    received: () => received,
  };
}
