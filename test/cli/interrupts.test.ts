import { EventEmitter } from 'node:events';
import test from 'ava';
import { createInterrupts } from '../../src/cli/interrupts.js';

test('a program whose command asked for no signal leaves Ctrl-C to the operating system', (t) => {
  const source = new EventEmitter();
  createInterrupts(source);
  t.is(source.listenerCount('SIGINT'), 0);
  t.is(source.listenerCount('SIGTERM'), 0);
});

test('the first Ctrl-C aborts the signal, with its name as the reason', (t) => {
  const source = new EventEmitter();
  const interrupts = createInterrupts(source);
  const signal = interrupts.signal();
  t.false(signal.aborted);
  source.emit('SIGINT', 'SIGINT');
  t.true(signal.aborted);
  t.is(signal.reason, 'SIGINT');
  t.is(interrupts.received(), 'SIGINT');
});

test('after the first Ctrl-C nothing stands between the second and the process', (t) => {
  const source = new EventEmitter();
  createInterrupts(source).signal();
  source.emit('SIGTERM', 'SIGTERM');
  t.is(source.listenerCount('SIGINT'), 0);
  t.is(source.listenerCount('SIGTERM'), 0);
});

test('all who ask get the same signal', (t) => {
  const source = new EventEmitter();
  const interrupts = createInterrupts(source);
  t.is(interrupts.signal(), interrupts.signal());
  t.is(source.listenerCount('SIGINT'), 1);
});
