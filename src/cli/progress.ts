// Progress on stderr: a bar that redraws itself on a terminal, a line every 10 % elsewhere.
import type { Progress } from '../evaluate/progress.js';
import type { SharedFlags } from './options.js';

/** What this needs of `process.stderr`. */
export interface ProgressStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  hasColors?(): boolean;
}

export interface ProgressOptions {
  stream: ProgressStream;
  /** Monotonic clock in milliseconds. */
  now: () => number;
  mode: 'bar' | 'lines' | 'none';
}

/** The part of a phase that is done. */
export interface PhaseState {
  label: string;
  unit: string;
  done: number;
  total: number;
  seconds: number;
  ceiling?: number;
}

const REDRAW_MILLISECONDS = 100;
const LINE_STEPS = 10;
const ERASE_LINE = '\r\x1b[K';
const LONGEST_BAR = 30;
const SHORTEST_BAR = 5;

/** The mode that flags, stream and environment ask for: no bar where output is collected (`CI`, no terminal). */
export function progressMode(
  flags: Pick<SharedFlags, 'quiet' | 'progress'>,
  stream: ProgressStream,
  environment: Readonly<Record<string, string | undefined>>,
): ProgressOptions['mode'] {
  if (flags.quiet === true || !flags.progress) return 'none';
  return stream.isTTY === true && !environment.CI && environment.TERM !== 'dumb' ? 'bar' : 'lines';
}

/** Progress on this process's stderr. */
export function terminalProgress(flags: Pick<SharedFlags, 'quiet' | 'progress'>): Progress {
  const stream = process.stderr;
  return createProgress({ stream, now: () => performance.now(), mode: progressMode(flags, stream, process.env) });
}

export function createProgress({ stream, now, mode }: ProgressOptions): Progress {
  let phase: (Omit<PhaseState, 'seconds'> & { startedAt: number }) | null = null;
  let drawnAt = -Infinity;
  let stepsShown = 0;

  const state = (): PhaseState => {
    const { startedAt, ...rest } = phase!;
    return { ...rest, seconds: (now() - startedAt) / 1000 };
  };
  const draw = (): void => {
    if (now() - drawnAt < REDRAW_MILLISECONDS) return;
    drawnAt = now();
    const colour = stream.hasColors?.() ?? false;
    stream.write(ERASE_LINE + renderBar(state(), (stream.columns ?? 80) - 1, { colour }));
  };
  const writeStep = (): void => {
    const steps = Math.floor((LINE_STEPS * phase!.done) / phase!.total);
    if (steps > stepsShown && steps < LINE_STEPS) stream.write(`${renderLine(state())}\n`);
    stepsShown = steps;
  };

  return {
    start(label, total, { unit = 'tokens', ceiling } = {}) {
      phase = { label, unit, total, done: 0, startedAt: now(), ...(ceiling === undefined ? {} : { ceiling }) };
      drawnAt = -Infinity;
      stepsShown = 0;
      if (mode === 'bar') draw();
    },
    advance(count) {
      if (phase === null || count === 0) return;
      phase.done = Math.min(phase.done + count, phase.total);
      if (mode === 'bar') draw();
      else if (mode === 'lines') writeStep();
    },
    finish() {
      if (phase === null) return;
      if (mode === 'bar') stream.write(ERASE_LINE);
      if (mode !== 'none' && phase.done >= phase.total) stream.write(`${renderDone(state())}\n`);
      phase = null;
    },
  };
}

/** `piqa  ███████░░░  70 %  1,234 tokens/s  0:05 left`, at most `width` columns; the bar goes first, then the label shrinks. */
export function renderBar(state: PhaseState, width: number, { colour }: { colour: boolean }): string {
  const figures = figuresOf(state);
  const room = width - figures.length - 2;
  const label = state.label.length <= room ? state.label : state.label.slice(0, Math.max(0, room));
  const bar = Math.min(LONGEST_BAR, room - label.length - 2);
  if (bar < SHORTEST_BAR) return [label, figures].filter(Boolean).join('  ').slice(0, Math.max(0, width));
  const filled = Math.floor(bar * shareOf(state));
  const rest = '░'.repeat(bar - filled);
  return `${label}  ${'█'.repeat(filled)}${colour ? `\x1b[2m${rest}\x1b[22m` : rest}  ${figures}`;
}

/** `piqa: 70 %, 1,234 tokens/s, 0:05 left`. */
function renderLine(state: PhaseState): string {
  return `${state.label}: ${figuresOf(state).trim().replaceAll(/ {2,}/g, ', ')}`;
}

/** `piqa: 12,345 tokens in 0:10, 1,234 tokens/s`. */
function renderDone(state: PhaseState): string {
  return `${state.label}: ${grouped(state.done)} ${state.unit} in ${clock(state.seconds)}, ${speedOf(state)}${state.seconds === 0 ? '' : shareOfCeiling(state)}`;
}

function figuresOf(state: PhaseState): string {
  const percent = `${String(Math.floor(100 * shareOf(state))).padStart(3)} %`;
  if (state.done === 0 || state.seconds === 0) return percent;
  const left = (state.seconds * (state.total - state.done)) / state.done;
  return `${percent}  ${speedOf(state)}${shareOfCeiling(state)}  ${clock(left)} left`;
}

/** ` (12 % of the ceiling)`, where there is one. */
function shareOfCeiling({ done, seconds, ceiling }: PhaseState): string {
  return ceiling === undefined ? '' : ` (${((100 * done) / seconds / ceiling).toPrecision(2)} % of the ceiling)`;
}

function shareOf({ done, total }: PhaseState): number {
  return total === 0 ? 1 : done / total;
}

function speedOf({ done, seconds, unit }: PhaseState): string {
  return `${seconds === 0 ? '–' : grouped(Math.round(done / seconds))} ${unit}/s`;
}

function grouped(value: number): string {
  return value.toLocaleString('en-US');
}

/** Seconds as `m:ss` or `h:mm:ss`. */
function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const end = String(whole % 60).padStart(2, '0');
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${end}` : `${minutes}:${end}`;
}
