// The requests of lm-evaluation-harness v0.3.0, whose digests it committed as tests/testdata/<task>-v<n>-loglikelihood.
// They prove rows, prompts and continuations; the accuracies of its dummy model prove the gold answers, and the perplexities
// the numbers of words and bytes. The recipe: documents shuffled by Python's random.Random(42), requests as a list of
// [context, continuation] (WikiText: [text]), SHA-256 of that list as Python's json.dumps writes it. The dummy model answers
// with -random() each time, seeded with 42. What has changed since: BoolQ asked yes before no, and LAMBADA asked twice.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { resolveTasks } from '../../src/tasks/registry.js';
import type { Document, Request } from '../../src/tasks/task.js';
import { needsShared } from '../shared.js';
import { pythonRandom } from './python-random.js';
import { sharedDocuments } from './read-documents.js';

const files = {
  piqa: 'piqa/validation.jsonl',
  winogrande: 'winogrande/winogrande_xl-validation.jsonl',
  arc_easy: 'arc/ARC-Easy-test.jsonl',
  arc_challenge: 'arc/ARC-Challenge-test.jsonl',
  boolq: 'boolq/validation.jsonl.gz',
  lambada_openai: 'lambada/lambada_openai-test.jsonl.gz',
  lambada_standard: 'lambada/lambada_standard-test.txt.gz',
  wikitext: 'wikitext-2-raw/wiki.test.raw.gz',
};
type TaskName = keyof typeof files;

const digests: Record<TaskName, string> = {
  piqa: '6048a3a2bb3ad1e6a3d98139618e06b4d7de766edd685bd38837596199c3f69f',
  winogrande: '90a3eff49de9173964d46f5ed57bcf9a78a72dd1bfe0e5323b25cebb40b49ea9',
  arc_easy: 'ffa6e39a35a16299dcb015f17f986aaa598ad8b4840c4cebe0339a7042232741',
  arc_challenge: '41c34c96cca8ace661911d0033d630c554b283f5a3953bcdc50720ae6b00a9c1',
  boolq: '6577e0d88572772ef08e64f624c0e3df0953286ae1f118ccef15623b59ffeabf',
  lambada_openai: '6829e6a8aa5922e6c92dd31403cc060f242dc0ede4a775e085a70da095ab2e20',
  lambada_standard: '8958d9f8d8145046b692fadd8a9cc9c8bad5617c10774280cf7c24c21d2be160',
  wikitext: 'b6f83e6cf7535ee41b0057c3e2ec2cf7f2fa5a9119b305c479a83091d1142b2c',
};

interface DummyResults {
  acc?: number;
  acc_norm?: number;
  ppl?: number;
  word_perplexity?: number;
  byte_perplexity?: number;
  bits_per_byte?: number;
}

const dummyResults: Record<TaskName, DummyResults> = {
  piqa: { acc: 0.514145810663765, acc_norm: 0.5114254624591947 },
  winogrande: { acc: 0.516179952644041 },
  arc_easy: { acc: 0.2474747474747475, acc_norm: 0.24074074074074073 },
  arc_challenge: { acc: 0.24488054607508533, acc_norm: 0.2440273037542662 },
  boolq: { acc: 0.5048929663608562 },
  lambada_openai: { ppl: 1.6479047769869253 },
  lambada_standard: { ppl: 1.6479047769869253 },
  wikitext: {
    word_perplexity: 1.000118710696617,
    byte_perplexity: 1.0000221984224973,
    bits_per_byte: 3.202519859941674e-5,
  },
};

for (const name of Object.keys(files) as TaskName[]) {
  test(`the requests of ${name} have the digest that lm-eval v0.3.0 committed`, async (t) => {
    const documents = await shuffledDocuments(t, name);
    if (documents === null) return;
    const requests = documents.flatMap((document) => requestsAsThen(name, document)).map(fields);
    t.is(createHash('sha256').update(pythonJson(requests)).digest('hex'), digests[name]);
  });

  test(`the dummy model of lm-eval v0.3.0 scores on ${name} what it scored there`, async (t) => {
    const documents = await shuffledDocuments(t, name);
    if (documents === null) return;
    const results = dummyScores(name, documents);
    for (const [metric, value] of Object.entries(dummyResults[name]))
      t.true(Math.abs(results[metric as keyof DummyResults]! / value - 1) < 1e-12, metric);
  });
}

async function shuffledDocuments(t: ExecutionContext, name: TaskName): Promise<Document[] | null> {
  const reference = needsShared(t, 'data', 'reference', 'lm_eval_v0.3.0.json');
  if (reference === null) return null;
  const [task] = await resolveTasks([name]);
  const documents = sharedDocuments(t, task!, files[name]);
  if (documents === null) return null;
  const { shuffle_seed42: shuffles } = JSON.parse(readFileSync(reference, 'utf8')) as {
    shuffle_seed42: Record<number, number[]>;
  };
  return shuffles[documents.length]!.map((index) => documents[index]!);
}

function requestsAsThen(name: TaskName, { requests }: Document): readonly Request[] {
  if (name === 'boolq') return requests.toReversed();
  return name.startsWith('lambada') ? [...requests, ...requests] : requests;
}

function fields(request: Request): string[] {
  return request.kind === 'rolling' ? [request.text] : [request.context, request.continuation];
}

/** A list of lists of strings as `json.dumps` writes it: ASCII only, a space after each comma. */
function pythonJson(lists: string[][]): string {
  const quote = (text: string) =>
    JSON.stringify(text).replace(/[\x7f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return `[${lists.map((list) => `[${list.map(quote).join(', ')}]`).join(', ')}]`;
}

function dummyScores(name: TaskName, documents: readonly Document[]): DummyResults {
  const random = pythonRandom(42);
  const scored = documents.map((document) => ({
    document,
    logprobs: requestsAsThen(name, document).map(() => -random()),
  }));
  const choices = scored.flatMap(({ document, logprobs }) => {
    if (document.kind !== 'multiple-choice') return [];
    return [{ ...document, logprobs: name === 'boolq' ? logprobs.toReversed() : logprobs }];
  });
  const texts = scored.flatMap(({ document }) => (document.kind === 'rolling' ? [document] : []));
  const words = sum(texts.map((text) => text.words));
  const bytes = sum(texts.map((text) => text.bytes));
  const first = scored.map(({ logprobs }) => logprobs[0]!);
  return {
    acc: mean(choices.map(({ logprobs, gold }) => Number(argmax(logprobs) === gold))),
    acc_norm: mean(
      choices.map(({ logprobs, choices, gold }) => {
        const perCharacter = logprobs.map((logprob, k) => logprob / [...choices[k]!].length);
        return Number(argmax(perCharacter) === gold);
      }),
    ),
    ppl: Math.exp(-mean(first)),
    word_perplexity: Math.exp(-sum(first) / words),
    byte_perplexity: Math.exp(-sum(first) / bytes),
    bits_per_byte: -sum(first) / bytes / Math.LN2,
  };
}

function argmax(values: readonly number[]): number {
  return values.indexOf(Math.max(...values));
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
