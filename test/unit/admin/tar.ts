/** Writes tar archives block by block, right or wrong (POSIX.1-1988, ustar). */

const BLOCK = 512

export interface TarEntry {
  readonly name: string
  /** `0` file, `1` link, `2` symbolic link, `3` device, `5` folder, `6` pipe, `x` pax header. Default a file. */
  readonly type?: string
  readonly body?: string | Uint8Array
  readonly link?: string
  /** Of the header, if it is to lie: a number, or the 12 bytes of the field. */
  readonly size?: number | Buffer
  readonly checksum?: number
}

/** A whole archive: entries and the two empty blocks. */
export function tarOf(...entries: readonly TarEntry[]): Buffer {
  return Buffer.concat([...entries.map(entryOf), Buffer.alloc(2 * BLOCK)])
}

export function entryOf({ name, type = '0', body = '', link = '', ...lies }: TarEntry): Buffer {
  const bytes = Buffer.from(body)
  const header = Buffer.alloc(BLOCK)
  header.write(name, 0, 100, 'utf8')
  header.write('0000644\0', 100)
  header.write('0000000\0', 108)
  header.write('0000000\0', 116)
  const { size = bytes.length } = lies
  if (typeof size !== 'number') size.copy(header, 124)
  else header.write(`${size.toString(8).padStart(11, '0')}\0`, 124)
  header.write('00000000000\0', 136)
  header.write('        ', 148)
  header.write(type, 156)
  header.write(link, 157, 100, 'utf8')
  header.write('ustar\x0000', 257)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${(lies.checksum ?? sum).toString(8).padStart(6, '0')}\0 `, 148)
  const padding = Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK)
  return Buffer.concat([header, bytes, padding])
}

/** What precedes an entry to give it a name of any length. */
export function paxPath(path: string): TarEntry {
  // "LENGTH path=NAME\n", where LENGTH counts its own digits.
  const rest = ` path=${path}\n`
  let length = Buffer.byteLength(rest) + 1
  while (Buffer.byteLength(String(length) + rest) !== length) length += 1
  return { name: 'PaxHeader', type: 'x', body: `${length}${rest}` }
}
