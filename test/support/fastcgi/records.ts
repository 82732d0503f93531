/** A second, deliberately simple reader and printer of records, for judging what the production code sends. */

export interface SentRecord {
  readonly type: number
  readonly id: number
  readonly content: Uint8Array
  readonly padding: number
}

/** Splits whole records. Throws on anything not well-formed, on padding or reserved bytes that are not zero. */
export function splitRecords(bytes: Uint8Array): SentRecord[] {
  const records: SentRecord[] = []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let at = 0
  while (at < bytes.length) {
    if (view.getUint8(at) !== 1) throw new Error(`version ${view.getUint8(at)} at ${at}`)
    if (view.getUint8(at + 7) !== 0) throw new Error(`reserved byte not zero at ${at}`)
    const length = view.getUint16(at + 4)
    const padding = view.getUint8(at + 6)
    const end = at + 8 + length
    if (end + padding > bytes.length) throw new Error(`record at ${at} is cut off`)
    for (let from = end; from < end + padding; from++) {
      if (bytes[from] !== 0) throw new Error(`padding not zero at ${from}`)
    }
    records.push({
      type: view.getUint8(at + 1),
      id: view.getUint16(at + 2),
      content: bytes.slice(at + 8, end),
      padding,
    })
    at = end + padding
  }
  return records
}

/** Prints one record. */
export function record(
  type: number,
  id: number,
  content: Uint8Array = new Uint8Array(0),
  padding = 0,
) {
  const bytes = new Uint8Array(8 + content.length + padding)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, 1)
  view.setUint8(1, type)
  view.setUint16(2, id)
  view.setUint16(4, content.length)
  view.setUint8(6, padding)
  bytes.set(content, 8)
  bytes.fill(0x3f, 8 + content.length)
  return bytes
}

/** BEGIN_REQUEST. */
export function begin(id: number, { role = 1, flags = 1 } = {}): Uint8Array {
  return record(1, id, new Uint8Array([role >> 8, role, flags, 0, 0, 0, 0, 0]))
}

/** One record a line: `6:1 "hello"`. */
export function describe(records: readonly SentRecord[]): string[] {
  return records.map(({ type, id, content }) => {
    return `${type}:${id} ${JSON.stringify(Buffer.from(content).toString('latin1'))}`
  })
}
