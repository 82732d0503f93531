/**
 * Answers with everything it received as one JSON object. The body is streamed through, never held.
 * Bytes outside printable ASCII are written as \u00XX, so that the text read as Latin-1 gives the bytes back.
 */
import {
  args,
  CHUNK_BYTES,
  environment,
  read,
  textLength,
  variable,
  write,
  writeBytes,
} from './lib/cgi'

const chunk: usize = memory.data(65536, 8)

/** Six bytes for each one read: the longest an escaped byte gets. */
const escaped: usize = memory.data(393216, 8)

const HEX = '0123456789abcdef'

function putEscaped(at: usize, byte: u8): usize {
  store<u8>(at, 0x5c)
  store<u8>(at, 0x75, 1)
  store<u8>(at, 0x30, 2)
  store<u8>(at, 0x30, 3)
  store<u8>(at, HEX.charCodeAt(byte >> 4) as u8, 4)
  store<u8>(at, HEX.charCodeAt(byte & 15) as u8, 5)
  return at + 6
}

function jsonBytes(pointer: usize, length: usize): void {
  while (length > 0) {
    const part = length < (CHUNK_BYTES as usize) ? length : (CHUNK_BYTES as usize)
    let end = escaped
    for (let i: usize = 0; i < part; i++) {
      const byte = load<u8>(pointer + i)
      if (byte < 0x20 || byte >= 0x7f || byte === 0x22 || byte === 0x5c) {
        end = putEscaped(end, byte)
      } else {
        store<u8>(end++, byte)
      }
    }
    writeBytes(escaped, end - escaped)
    pointer += part
    length -= part
  }
}

function jsonText(pointer: usize): void {
  write('"')
  jsonBytes(pointer, textLength(pointer))
  write('"')
}

function jsonEntry(entry: usize): void {
  let name: usize = 0
  while (load<u8>(entry + name) !== 0 && load<u8>(entry + name) !== 0x3d) name++
  write('"')
  jsonBytes(entry, name)
  write('":')
  jsonText(load<u8>(entry + name) === 0 ? entry + name : entry + name + 1)
}

write('Content-Type: application/json\r\n\r\n{"language":"assemblyscript","method":"')
write(variable('REQUEST_METHOD'))
write('","args":[')
const given = args()
for (let i = 0; i < given.length; i++) {
  if (i > 0) write(',')
  jsonText(given[i])
}
write('],"env":{')
const entries = environment()
for (let i = 0; i < entries.length; i++) {
  if (i > 0) write(',')
  jsonEntry(entries[i])
}
write('},"body":"')
let received: u64 = 0
let got = read(chunk, CHUNK_BYTES as usize)
while (got > 0) {
  received += got as u64
  jsonBytes(chunk, got as usize)
  got = read(chunk, CHUNK_BYTES as usize)
}
write(`","bodyBytes":${received.toString()}}\n`)
