// Reads the wire format of Protocol Buffers (protobuf.dev, "Encoding"), as far as a SentencePiece model needs it.

/** One field of a message: a number (varint or float), or the bytes of a string, a message or a fixed-size value of 8 bytes. */
export type ProtobufField =
  | { readonly number: number; readonly kind: 'varint'; readonly value: number }
  | { readonly number: number; readonly kind: 'float'; readonly value: number }
  | { readonly number: number; readonly kind: 'bytes'; readonly value: Buffer };

/**
 * Fields of a message, in the order of the file. A varint above 2^53 (a negative number) loses its low bits.
 * @throws RangeError when the message ends inside a field, or has a wire type of another format
 */
export function* protobufFields(message: Buffer): Generator<ProtobufField> {
  let offset = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message.readUInt8(offset);
      offset += 1;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  const take = (length: number): Buffer => {
    if (offset + length > message.length) throw new RangeError(`a field of ${length} bytes ends after its message`);
    offset += length;
    return message.subarray(offset - length, offset);
  };
  while (offset < message.length) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    const wireType = tag % 8;
    if (wireType === 0) yield { number, kind: 'varint', value: varint() };
    else if (wireType === 1) yield { number, kind: 'bytes', value: take(8) };
    else if (wireType === 2) yield { number, kind: 'bytes', value: take(varint()) };
    else if (wireType === 5) yield { number, kind: 'float', value: take(4).readFloatLE() };
    else throw new RangeError(`wire type ${wireType} at byte ${offset}`);
  }
}
