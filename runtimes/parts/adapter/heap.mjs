// Lets a module grow its memory inside of the one it has: node heap.mjs FROM TO. A reactor's memory has its full size from the start, and
// memory.grow answers -1; a C library that was started when the module was made believes in the size it had then. So memory.size and
// memory.grow become calls of two functions that count, in a global, from the size that the module declares up to what there is.
import { readFileSync, writeFileSync } from 'node:fs'

const [from, to] = process.argv.slice(2)
const wasm = readFileSync(from)
const SIZE = 0x3f
const GROW = 0x40
const SECTIONS = { type: 1, import: 2, function: 3, memory: 5, global: 6, code: 10 }
let at = 8

const sections = []
while (at < wasm.length) {
  const id = wasm[at++]
  const size = number()
  sections.push({ id, body: wasm.subarray(at, at + size) })
  at += size
}
const bodyOf = (name) => sections.find(({ id }) => id === SECTIONS[name]).body
const typeOf = (wanted) => {
  const index = bodyOfVector('type', () => {
    const start = at
    at += 1
    for (let list = 0; list < 2; list += 1) {
      const size = number()
      at += size
    }
    return wasm.toString('hex', start, at)
  }).indexOf(wanted)
  if (index === -1) throw new Error(`Cannot change ${from}: it has no type ${wanted}`)
  return index
}
const minimum = bodyOfVector('memory', () => {
  const flags = number()
  const pages = number()
  if (flags % 2 === 1) number()
  return pages
})[0]
const imported = bodyOfVector('import', readImport)
const own = bodyOfVector('function', number)
const globals = { imported: imported.filter((kind) => kind === 3).length, count: 0 }
globals.count = enter('global')
const global = leb(globals.imported + globals.count)
const first = imported.filter((kind) => kind === 0).length + own.length
const sizeCall = [0x10, ...leb(first)]
const growCall = [0x10, ...leb(first + 1)]

const sizeBody = [0, 0x23, ...global, 0x0b]
// More than is left: -1. Else what there was, and it is more now.
const growBody = [
  ...[1, 1, 0x7f, 0x23, ...global, 0x21, 1],
  ...[0x20, 0, SIZE, 0, 0x20, 1, 0x6b, 0x4b, 0x04, 0x40, 0x41, 0x7f, 0x0f, 0x0b],
  ...[0x20, 1, 0x20, 0, 0x6a, 0x24, ...global, 0x20, 1, 0x0b],
]

const changed = sections.map(({ id, body }) => {
  if (id === SECTIONS.function)
    return section(id, longer(body, [leb(typeOf('6000017f')), leb(typeOf('60017f017f'))]))
  if (id === SECTIONS.global)
    return section(id, longer(body, [[0x7f, 1, 0x41, ...signed(minimum), 0x0b]]))
  if (id === SECTIONS.code) return section(id, code(body))
  return section(id, body)
})
writeFileSync(to, Buffer.concat([wasm.subarray(0, 8), ...changed]))

function code(body) {
  at = body.byteOffset - wasm.byteOffset
  const count = number()
  const parts = [Buffer.from(leb(count + 2))]
  for (let index = 0; index < count; index += 1) {
    const size = number()
    const end = at + size
    parts.push(...sized(changeFunction(at, end)))
    at = end
  }
  for (const one of [sizeBody, growBody]) parts.push(...sized([Buffer.from(one)]))
  return Buffer.concat(parts)
}

function sized(pieces) {
  return [Buffer.from(leb(pieces.reduce((sum, piece) => sum + piece.length, 0))), ...pieces]
}

// The function's bytes, in pieces; `at` is its end afterwards.
function changeFunction(start, end) {
  const pieces = []
  let kept = start
  at = start
  for (let groups = number(); groups > 0; groups -= 1) {
    number()
    at += 1
  }
  while (at < end) {
    const place = at
    const opcode = wasm[at++]
    skipImmediates(opcode)
    if (opcode !== SIZE && opcode !== GROW) continue
    pieces.push(wasm.subarray(kept, place), Buffer.from(opcode === SIZE ? sizeCall : growCall))
    kept = at
  }
  pieces.push(wasm.subarray(kept, end))
  return pieces
}

function skipImmediates(opcode) {
  if (opcode >= 0x02 && opcode <= 0x04) return number()
  if (opcode === 0x0e) {
    for (let targets = number(); targets >= 0; targets -= 1) number()
    return
  }
  if (opcode === 0x1c) {
    const size = number()
    at += size
    return
  }
  if (opcode === 0x43) at += 4
  else if (opcode === 0x44) at += 8
  else if (opcode === 0x11 || opcode === 0x13 || (opcode >= 0x28 && opcode <= 0x3e)) skipTwo()
  else if (opcode === 0xfc) {
    const kind = number()
    if (kind >= 8) number()
    if (kind === 8 || kind === 10 || kind === 12 || kind === 14) number()
  } else if (opcode === 0xfd || opcode === 0xfe || opcode === 0xfb) {
    throw new Error(`Cannot change ${from}: it has instructions of another kind (${opcode})`)
  } else if (
    [0x0c, 0x0d, 0x10, 0x12, SIZE, GROW, 0x41, 0x42, 0xd0, 0xd2, 0x08, 0x09].includes(opcode) ||
    (opcode >= 0x20 && opcode <= 0x26)
  )
    number()
}

function skipTwo() {
  number()
  number()
}

// Signed ones as well, where nobody wants to know their value.
function number() {
  let value = 0
  for (let shift = 0; ; shift += 7) {
    const byte = wasm[at++]
    value += (byte & 127) * 2 ** shift
    if (byte < 128) return value
  }
}

function readImport() {
  for (let text = 0; text < 2; text += 1) {
    const size = number()
    at += size
  }
  const kind = wasm[at++]
  if (kind === 3) at += 2
  else if (kind === 0) number()
  else if (kind === 1 || kind === 2) {
    if (kind === 1) at += 1
    if (number() % 2 === 1) number()
    number()
  }
  return kind
}

function enter(name) {
  at = bodyOf(name).byteOffset - wasm.byteOffset
  return number()
}

function bodyOfVector(name, read) {
  return Array.from({ length: enter(name) }, read)
}

function longer(body, more) {
  at = body.byteOffset - wasm.byteOffset
  const start = at
  const count = number()
  return Buffer.concat([
    Buffer.from(leb(count + more.length)),
    body.subarray(at - start),
    Buffer.from(more.flat()),
  ])
}

function section(id, body) {
  return Buffer.concat([Buffer.from([id, ...leb(body.length)]), body])
}

function leb(value) {
  const bytes = []
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return [...bytes, left]
    bytes.push((left % 128) + 128)
  }
}

function signed(value) {
  const bytes = leb(value)
  // The highest bit would be its sign.
  return bytes.at(-1) >= 64 ? [...bytes.slice(0, -1), bytes.at(-1) + 128, 0] : bytes
}
