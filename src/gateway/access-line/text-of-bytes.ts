/** Variables of a request as text. */

/**
 * The text in a latin1 string (one char a byte, as variables are): UTF-8, with U+FFFD for what is none. A string with
 * chars beyond a byte is text already. The result has no lone surrogates.
 */
export function textOfBytes(value: string): string {
  if (/^[\x20-\x7e]*$/.test(value)) return value
  for (let index = 0; index < value.length; index += 1) {
    if (value.charCodeAt(index) > 0xff) return value.toWellFormed()
  }
  return Buffer.from(value, 'latin1').toString('utf8')
}
