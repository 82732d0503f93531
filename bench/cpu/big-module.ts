/** A large module for timing: the code of the suite's biggest kind of function, over and over. */
import { ByteWriter } from '../../src/wasm/byte-writer.ts'

const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]

/** One turn of a loop with loads, stores, branches and a call to function 0: 48 bytes or so. */
const TURN = [
  ...[
    0x03, 0x40, 0x20, 0x00, 0x28, 0x02, 0x10, 0x20, 0x01, 0x6a, 0x21, 0x02, 0x20, 0x00, 0x20, 0x02,
  ],
  ...[
    0x36, 0x02, 0x80, 0x01, 0x20, 0x00, 0x41, 0x04, 0x6a, 0x22, 0x00, 0x20, 0x01, 0x49, 0x0d, 0x00,
  ],
  ...[0x0b, 0x20, 0x02, 0x04, 0x40, 0x20, 0x00, 0x20, 0x01, 0x10, 0x00, 0x21, 0x02, 0x0b],
]

/** A valid module of about `bytes` bytes, in functions of about 1 KB. */
export function bigModule(bytes: number): Uint8Array<ArrayBuffer> {
  const body = [1, 1, 0x7f]
  for (let turn = 0; turn < 20; turn++) body.push(...TURN)
  body.push(0x20, 0x02, 0x0b)
  const functions = Math.floor(bytes / (body.length + 2))
  const code = new ByteWriter(bytes + 1024)
  code.u32(functions + 1)
  code.append([4, 0, 0x20, 0x00, 0x0b])
  for (let index = 0; index < functions; index++) {
    code.u32(body.length)
    code.append(body)
  }
  const declared = new ByteWriter(functions + 16)
  declared.u32(functions + 1)
  for (let index = 0; index <= functions; index++) declared.byte(0)
  const out = new ByteWriter(bytes + 1024)
  out.append(HEADER)
  section(out, 1, [1, 0x60, 2, 0x7f, 0x7f, 1, 0x7f])
  section(out, 3, declared.view())
  section(out, 5, [1, 0, 1])
  section(out, 10, code.view())
  return out.bytes.slice(0, out.length) as Uint8Array<ArrayBuffer>
}

function section(out: ByteWriter, id: number, contents: ArrayLike<number>): void {
  out.byte(id)
  out.u32(contents.length)
  out.append(contents)
}
