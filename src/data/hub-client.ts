// One GET from the Hugging Face hub: redirects, token, silent connections, and failures that another try may mend.
import { UserError } from '../user-error.js';
import { proxiedFetch } from './proxied-fetch.js';

export interface Hub {
  /** Address without a slash at its end. */
  readonly endpoint: string;
  readonly token: string | null;
  readonly fetch: typeof fetch;
  /** Milliseconds without a byte after which a connection counts as dead. */
  readonly silence: number;
  /** How often a GET is tried before it fails. */
  readonly tries: number;
  readonly wait: (milliseconds: number) => Promise<void>;
  /** Told, in a line each, what is fetched and what is tried again. */
  readonly report: (line: string) => void;
}

/** The hub at `HF_ENDPOINT` with the token in `HF_TOKEN`, through the proxy that the environment names. */
export function hubFromEnvironment(env: Readonly<Record<string, string | undefined>>, report: Hub['report']): Hub {
  const address = env.HF_ENDPOINT || 'https://huggingface.co';
  if (!/^https?:/i.test(address) || !URL.canParse(address))
    throw new UserError('usage', `HF_ENDPOINT is ${JSON.stringify(address)}, not an http:// or https:// address`);
  return {
    endpoint: address.replace(/\/+$/, ''),
    token: env.HF_TOKEN || null,
    fetch: proxiedFetch(env),
    silence: 30_000,
    tries: 4,
    wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    report,
  };
}

/** What went wrong may pass: a server error, a dropped or a silent connection. */
export class PassingFailure extends Error {
  /** Milliseconds that the server asks to be left alone. */
  readonly retryAfter: number | null;

  constructor(message: string, retryAfter: number | null = null) {
    super(message);
    this.retryAfter = retryAfter;
  }
}

/**
 * Gives `attempt` further tries after a `PassingFailure`, with growing pauses.
 * @throws UserError 'data' that tells the last failure (its cause) once `hub.tries` are used up; anything else at once.
 */
export async function withTries<T>(hub: Hub, attempt: () => Promise<T>): Promise<T> {
  for (let failures = 1; ; failures += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof PassingFailure)) throw error;
      if (failures >= hub.tries)
        throw new UserError('data', `${error.message} (${failures} tries)`, {
          hint: 'the command again later, which goes on from what has arrived, or --data-dir with the files',
          cause: error,
        });
      hub.report(`${error.message}; trying again`);
      await hub.wait(error.retryAfter ?? 500 * 2 ** (failures - 1));
    }
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** For the caller to read; throws PassingFailure where the connection breaks. */
  readonly body: AsyncIterable<Uint8Array>;
}

/**
 * One GET, redirects followed.
 * @returns null where the hub answers 404.
 * @throws PassingFailure; UserError 'data' for an answer that stays.
 */
export async function get(hub: Hub, url: string, headers: Record<string, string>): Promise<Answer | null> {
  const silence = new SilenceTimer(hub.silence);
  try {
    const response = await follow(hub, url, headers, silence.signal);
    const { status } = response;
    if (response.ok) return { status, headers: response.headers, body: readBody(response, url, silence) };
    await response.body?.cancel();
    silence.stop();
    if (status === 404) return null;
    throw refusal(hub, url, response);
  } catch (error) {
    silence.stop();
    throw networkFailure(error, url, silence.signal);
  }
}

const MAX_REDIRECTS = 5;

async function follow(hub: Hub, url: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
  let address = new URL(url);
  for (let hops = 0; hops <= MAX_REDIRECTS; hops += 1) {
    const response = await hub.fetch(address, {
      // No compression: sizes and ranges are those of the file.
      headers: { 'accept-encoding': 'identity', ...headers, ...authorization(hub, address) },
      redirect: 'manual',
      signal,
    });
    const location = response.headers.get('location');
    if (response.status < 300 || response.status > 399 || location === null) return response;
    await response.body?.cancel();
    address = new URL(location, address);
  }
  throw new UserError('data', `${url} is redirected more than ${MAX_REDIRECTS} times`, { where: url });
}

/** The token is for the hub alone, not for the storage that it redirects to. */
function authorization({ endpoint, token }: Hub, address: URL): Record<string, string> {
  return token !== null && address.origin === new URL(endpoint).origin ? { authorization: `Bearer ${token}` } : {};
}

async function* readBody(response: Response, url: string, silence: SilenceTimer): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      silence.restart();
      yield chunk;
    }
  } catch (error) {
    throw networkFailure(error, url, silence.signal);
  } finally {
    silence.stop();
  }
}

function networkFailure(error: unknown, url: string, { aborted }: AbortSignal): unknown {
  if (error instanceof PassingFailure || error instanceof UserError) return error;
  if (aborted) return new PassingFailure(`${url} fell silent`);
  const { message, cause } = error as Error;
  return new PassingFailure(`${url} cannot be reached: ${cause instanceof Error ? cause.message : message}`);
}

function refusal(hub: Hub, url: string, { status, headers }: Response): Error {
  const answers = `${url} answers ${status}`;
  if (status >= 500) return new PassingFailure(`${answers} (server error)`);
  if (status === 429) {
    const seconds = Number(headers.get('retry-after') ?? NaN);
    return new PassingFailure(`${answers} (too many requests)`, seconds <= 60 ? seconds * 1000 : null);
  }
  if (status === 401) {
    const hint =
      hub.token === null
        ? 'set HF_TOKEN, or check the name: the hub answers so for what does not exist'
        : 'check HF_TOKEN: the hub does not take this token';
    return new UserError('data', `${answers} (a token is needed)`, { where: url, hint });
  }
  if (status === 403) {
    const hint = 'accept the terms on the page of the dataset, and set HF_TOKEN to a token of that account';
    return new UserError('data', `${answers} (no access)`, { where: url, hint });
  }
  return new UserError('data', `${answers}, which is not what was asked for`, { where: url });
}

/** Aborts its signal when nothing has restarted it for a while. */
class SilenceTimer {
  private readonly controller = new AbortController();
  private readonly timer: NodeJS.Timeout;

  constructor(milliseconds: number) {
    this.timer = setTimeout(() => this.controller.abort(), milliseconds);
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  restart(): void {
    this.timer.refresh();
  }

  stop(): void {
    clearTimeout(this.timer);
  }
}
