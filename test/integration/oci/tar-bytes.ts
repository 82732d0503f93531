/** Archives byte by byte, for what no program would write. */
import { gzipSync } from 'node:zlib'

export interface TarFields {
  readonly path: string
  readonly contents?: string | Uint8Array
  /** '0' a file (default), '1' hard link, '2' symbolic link, '3' device, '5' folder, 'x' pax, 'L' GNU's long path. */
  readonly type?: string
  readonly link?: string
  /** Instead of the truth. */
  readonly size?: number
  readonly hasBadSum?: boolean
}

const BLOCK = 512
export const TAR_END = Buffer.alloc(2 * BLOCK)

export function tarEntry({
  path,
  contents = '',
  type = '0',
  link = '',
  ...rest
}: TarFields): Buffer {
  const body = Buffer.from(contents)
  const block = Buffer.alloc(BLOCK)
  block.write(path, 0, 100)
  block.write('0000644\0', 100)
  block.write('0000000\0', 108)
  block.write('0000000\0', 116)
  block.write(`${(rest.size ?? body.length).toString(8).padStart(11, '0')}\0`, 124)
  block.write('00000000000\0', 136)
  block.write('        ', 148)
  block.write(type, 156)
  block.write(link, 157, 100)
  block.write('ustar\0' + '00', 257)
  const sum = block.reduce((total, byte) => total + byte, 0) + (rest.hasBadSum === true ? 1 : 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return Buffer.concat([block, body, Buffer.alloc(-body.length & (BLOCK - 1))])
}

/** One record of a pax header: `LENGTH key=value\n`, the length its own included. */
export function paxRecord(key: string, value: string): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`)
  let length = rest + String(rest).length
  if (String(length).length > String(rest).length) length = rest + String(length).length
  return `${length} ${key}=${value}\n`
}

export function tarGz(...entries: readonly (TarFields | Buffer)[]): Buffer {
  const bytes = entries.map((entry) => (Buffer.isBuffer(entry) ? entry : tarEntry(entry)))
  return gzipSync(Buffer.concat([...bytes, TAR_END]))
}
