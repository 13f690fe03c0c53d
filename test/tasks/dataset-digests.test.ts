// Each benchmark file of ../shared/data is the benchmark: its number of rows and its digest are those of the definition.
import test from 'ava';
import { requestsDigest } from '../../src/tasks/requests-digest.js';
import { sharedPath } from '../shared.js';
import { sharedDocuments, storedTasks } from './read-documents.js';

for (const task of await storedTasks()) {
  const { file, digest, rows, partialFile, partialDigest } = task.dataset;
  if (digest !== null)
    test(`${file} has the rows and the digest of ${task.name}`, (t) => {
      const documents = sharedDocuments(t, task, stored(file));
      if (documents === null) return;
      t.is(documents.length, rows);
      t.is(requestsDigest(documents), digest);
    });
  if (partialFile !== undefined && partialDigest !== undefined)
    test(`${partialFile} has the digest of that part of ${task.name}`, (t) => {
      const documents = sharedDocuments(t, task, stored(partialFile));
      if (documents === null) return;
      t.true(documents.length < rows);
      t.is(requestsDigest(documents), partialDigest);
    });
}

/** Large files are stored gzipped. */
function stored(file: string): string {
  return sharedPath('data', file) === null ? `${file}.gz` : file;
}
