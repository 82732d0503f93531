/** Modules made to be a burden before they run, put together byte by byte. */

const MAGIC = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]

/** `count` functions, one of them `_start`, each with this code (without locals and final `end`). */
export function moduleOf(count: number, code: Uint8Array): Uint8Array {
  const body = Buffer.concat([leb(code.length + 2), Buffer.of(0), code, Buffer.of(0x0b)])
  const bodies = Array.from({ length: count }, () => body)
  return Buffer.concat([
    Buffer.from(MAGIC),
    section(1, Buffer.of(1, 0x60, 0, 0)),
    section(3, Buffer.concat([leb(count), Buffer.alloc(count)])),
    section(5, Buffer.of(1, 0, 1)),
    section(
      7,
      Buffer.concat([
        Buffer.of(2, 6),
        Buffer.from('memory'),
        Buffer.of(2, 0, 6),
        Buffer.from('_start'),
        Buffer.of(0, 0),
      ]),
    ),
    section(10, Buffer.concat([leb(count), ...bodies])),
  ])
}

/** Code that takes an optimising compiler long: `turns` nested loops' worth of arithmetic on one value. */
export function heavyCode(turns: number): Uint8Array {
  // i32.const 0; then again and again: i32.const 1, i32.load, i32.mul, i32.const 7, i32.rotl; at the end: drop
  const turn = [0x41, 0x01, 0x28, 0x02, 0x00, 0x6c, 0x41, 0x07, 0x77]
  const code = Buffer.alloc(3 + turn.length * turns)
  code.set([0x41, 0x00])
  for (let at = 2; at < code.length - 1; at += turn.length) code.set(turn, at)
  code[code.length - 1] = 0x1a
  return code
}

function section(id: number, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(id), leb(content.length), content])
}

function leb(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80)
    rest >>>= 7
  }
  bytes.push(rest)
  return Buffer.from(bytes)
}
