// Training text that a seeded generator writes: what `train` and `tokenizer train` read where there is no corpus.

export type TextSplit = 'train' | 'validation';

export interface TextGenerator {
  readonly name: string;
  /** One line for lists: what the text is. */
  readonly description: string;
  /** Documents without end, the same for the same seed. Documents of different splits share no facts. */
  documents(seed: number, split: TextSplit): Iterable<string>;
}
