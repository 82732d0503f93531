/** Bytes written by hand: hexadecimal digits, spaces and line ends ignored; `'text'` stands for its latin1 bytes. */
export function hex(text: string): Uint8Array {
  const digits = text.replace(/'([^']*)'/g, (_, quoted: string) =>
    Buffer.from(quoted, 'latin1').toString('hex'),
  )
  const clean = digits.replace(/\s/g, '')
  if (!/^([0-9a-f]{2})*$/.test(clean)) throw new Error(`Not hexadecimal: ${clean}`)
  return new Uint8Array(Buffer.from(clean, 'hex'))
}

/** Several pieces as one. */
export function join(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

/** Bytes as latin1 text. */
export function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1')
}
