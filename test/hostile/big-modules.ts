/** Modules made to be a burden before they run, put together byte by byte. */

const MAGIC = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]
const COMPONENT_MAGIC = [0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0]

/** A function without locals and code. */
const EMPTY_BODY = Buffer.of(2, 0, 0x0b)

/** Memory 0 is `memory`, function 0 `_start`. */
const COMMAND_EXPORTS = section(
  7,
  Buffer.concat([
    Buffer.of(2, 6),
    Buffer.from('memory'),
    Buffer.of(2, 0, 6),
    Buffer.from('_start'),
    Buffer.of(0, 0),
  ]),
)

/** `count` functions, one of them `_start`, each with this code (without locals and final `end`). */
export function moduleOf(count: number, code: Uint8Array): Uint8Array {
  const body = Buffer.concat([leb(code.length + 2), Buffer.of(0), code, Buffer.of(0x0b)])
  const bodies = Array.from({ length: count }, () => body)
  return Buffer.concat([
    Buffer.from(MAGIC),
    section(1, Buffer.of(1, 0x60, 0, 0)),
    section(3, Buffer.concat([leb(count), Buffer.alloc(count)])),
    section(5, Buffer.of(1, 0, 1)),
    COMMAND_EXPORTS,
    section(10, Buffer.concat([leb(count), ...bodies])),
  ])
}

/** A module with a memory of `bytes` bytes of data, and nothing else to do. */
export function moduleWithData(bytes: number): Uint8Array {
  const segment = Buffer.concat([Buffer.of(0, 0x41, 0, 0x0b), leb(bytes), Buffer.alloc(bytes, 'a')])
  return Buffer.concat([
    Buffer.from(MAGIC),
    section(1, Buffer.of(1, 0x60, 0, 0)),
    section(3, Buffer.of(1, 0)),
    section(5, Buffer.concat([Buffer.of(1, 0), leb(Math.ceil(bytes / 65_536))])),
    COMMAND_EXPORTS,
    section(10, Buffer.of(1, 2, 0, 0x0b)),
    section(11, Buffer.concat([Buffer.of(1), segment])),
  ])
}

/** A module with a table of `count` elements. */
export function moduleWithElements(count: number): Uint8Array {
  const functions = 1000
  const elements = Array.from({ length: count }, (_, index) => leb(index % functions))
  return Buffer.concat([
    Buffer.from(MAGIC),
    section(1, Buffer.of(1, 0x60, 0, 0)),
    section(3, Buffer.concat([leb(functions), Buffer.alloc(functions)])),
    section(4, Buffer.concat([Buffer.of(1, 0x70, 0), leb(count)])),
    section(5, Buffer.of(1, 0, 1)),
    COMMAND_EXPORTS,
    section(9, Buffer.concat([Buffer.of(1, 0, 0x41, 0, 0x0b), leb(count), ...elements])),
    section(
      10,
      Buffer.concat([leb(functions), ...elements.slice(0, functions).map(() => EMPTY_BODY)]),
    ),
  ])
}

/** A module with `count` of something. */
export function moduleWithMany(
  what: 'exports' | 'globals' | 'imports' | 'pieces of data',
  count: number,
): Uint8Array {
  const of = (kind: typeof what, one: (index: number) => Uint8Array): Buffer =>
    what === kind
      ? Buffer.concat([leb(count), ...Array.from({ length: count }, (_, at) => one(at))])
      : Buffer.of(0)
  const start = what === 'imports' ? count : 0
  const named = [name('memory'), Buffer.of(2, 0), name('_start'), Buffer.of(0), leb(start)]
  const more = what === 'exports' ? count - 2 : 0
  return Buffer.concat([
    Buffer.from(MAGIC),
    section(1, Buffer.of(2, 0x60, 0, 0, 0x60, 0, 1, 0x7f)),
    section(
      2,
      of('imports', () =>
        Buffer.concat([name('wasi_snapshot_preview1'), name('sched_yield'), Buffer.of(0, 1)]),
      ),
    ),
    section(3, Buffer.of(1, 0)),
    section(5, Buffer.of(1, 0, 1)),
    section(
      6,
      of('globals', () => Buffer.of(0x7f, 1, 0x41, 0, 0x0b)),
    ),
    section(
      7,
      Buffer.concat([
        leb(2 + more),
        ...named,
        ...Array.from({ length: more }, (_, at) =>
          Buffer.concat([name(`e${at}`), Buffer.of(0, 0)]),
        ),
      ]),
    ),
    section(10, Buffer.concat([Buffer.of(1), EMPTY_BODY])),
    section(
      11,
      of('pieces of data', () => Buffer.of(0, 0x41, 1, 0x0b, 1, 0x61)),
    ),
  ])
}

/** `module` and a section of `bytes` bytes that nobody reads. */
export function withCustom(module: Uint8Array, bytes: number): Uint8Array {
  return Buffer.concat([module, section(0, Buffer.alloc(bytes, 'x'))])
}

/** A component, as far as its header goes. */
export function componentOf(bytes: number): Uint8Array {
  return Buffer.concat([Buffer.from(COMPONENT_MAGIC), Buffer.alloc(bytes)])
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

function name(text: string): Buffer {
  return Buffer.concat([leb(text.length), Buffer.from(text)])
}
