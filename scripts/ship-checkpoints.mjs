// Puts trained models into the package: node scripts/ship-checkpoints.mjs RESULTS copies the final weights of every complete
// training run below RESULTS to baselines/checkpoints/NAME/, with its run record and what it logged beside them.
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const shipped = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', 'baselines', 'checkpoints');
/** `swat-eval table` and `plot` read a training run from them. */
const RECORDS = ['run.json', 'train.jsonl', 'validation.jsonl', 'train.csv', 'validation.csv'];
/** Of the weights of one model. */
const MOST_BYTES = 2 ** 20;

const [results] = process.argv.slice(2);
if (results === undefined) throw new Error('usage: node scripts/ship-checkpoints.mjs RESULTS');

for (const run of trainingRuns(results)) {
  const record = JSON.parse(readFileSync(path.join(run, 'run.json'), 'utf8'));
  const { name, status } = record;
  if (status !== 'complete') throw new Error(`${run} is ${status}`);
  const weights = statSync(path.join(run, 'final', 'model.safetensors')).size;
  if (weights > MOST_BYTES)
    throw new Error(`the weights of ${name} have ${weights} bytes, at most ${MOST_BYTES} are shipped`);
  const place = path.join(shipped, name);
  rmSync(place, { recursive: true, force: true });
  mkdirSync(place);
  cpSync(path.join(run, 'final'), place, { recursive: true });
  for (const file of RECORDS) cpSync(path.join(run, file), path.join(place, file));
  writeFileSync(path.join(place, 'run.json'), `${JSON.stringify(inPackage(record), null, 1)}\n`);
  console.log(`${place}: ${weights} bytes of weights`);
}

/** The places that a record names, from where it lies now: recipe and tokenizer are beside the models. */
function inPackage(record) {
  const tokenizer = { ...record.tokenizer, name: `../tokenizer/${path.basename(record.tokenizer.name)}` };
  return { ...record, tokenizer, places: { recipe: '..', data: '..' } };
}

function trainingRuns(directory) {
  const entries = readdirSync(directory, { withFileTypes: true });
  if (entries.some(({ name }) => name === 'train.csv')) return [directory];
  return entries.filter((entry) => entry.isDirectory()).flatMap(({ name }) => trainingRuns(path.join(directory, name)));
}
