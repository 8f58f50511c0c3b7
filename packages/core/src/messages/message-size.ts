/** The size of a small message, with its entries in queues. */
const SMALL_MESSAGE_BYTES = 4_096
/** The sizes of V8 on 64 bits: with their headers, and one word for each element and for each property. */
const ARRAY_BYTES = 48
const OBJECT_BYTES = 56
const STRING_BYTES = 16
const WORD_BYTES = 8

/**
 * About the memory of a message that waits to be sent, in bytes: its objects, and its text once it is passed on. A text
 * of brackets takes up to 32 times its length as objects. A message of less than 4 KiB counts 4 KiB.
 */
export function heldBytesOf(message: object): number {
  // Not recursive: a message may be nested deeper than the stack.
  const open: object[] = [message]
  let bytes = 0
  const add = (value: unknown): void => {
    bytes += WORD_BYTES
    // Once in the object and once in the text.
    if (typeof value === 'string') bytes += STRING_BYTES + value.length * 2
    else if (typeof value === 'object' && value !== null) open.push(value)
  }
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (Array.isArray(value)) {
      bytes += ARRAY_BYTES
      for (const element of value) add(element)
      continue
    }
    bytes += OBJECT_BYTES
    for (const name in value) {
      bytes += WORD_BYTES + name.length
      add((value as Record<string, unknown>)[name])
    }
  }
  return Math.max(bytes, SMALL_MESSAGE_BYTES)
}
