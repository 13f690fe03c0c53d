// GPT-2's alphabet: each byte as one printable character, so that a vocabulary of bytes is text. Truth: OpenAI's encoder.py,
// `bytes_to_unicode`.

/** Character of each byte: the printable ones of Latin-1 stand for themselves, U+0100, U+0101, ... for the others in their order. */
export const BYTE_CHARACTERS: readonly string[] = byteCharacters();

function byteCharacters(): string[] {
  let others = 0;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : 0x100 + others++));
}

function isPrintable(byte: number): boolean {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
}
