/** The handler of ../../README.md in AssemblyScript: a CGI program. */
import { read, variable, write, writeBytes } from './cgi'

/** Most that a greeting's body may have, in bytes. */
const BODY_BYTES: i32 = 65536

const HEX = '0123456789ABCDEF'
const ESCAPES = '"\\/bfnrt'
const MEANT = '"\\/\b\f\n\r\t'

/** JSON: one object, whose values are texts (RFC 8259). */
class JsonReader {
  private at: i32 = 0

  constructor(private text: string) {}

  /** The fields; null when it is no such object. */
  read(): Map<string, string> | null {
    const fields = new Map<string, string>()
    if (!this.take('{')) return null
    do {
      const name = this.readText()
      if (name === null || !this.take(':')) return null
      const value = this.readText()
      if (value === null) return null
      fields.set(name, value)
    } while (this.take(','))
    if (!this.take('}')) return null
    this.skipSpace()
    return this.at === this.text.length ? fields : null
  }

  private skipSpace(): void {
    while (this.at < this.text.length && ' \t\r\n'.includes(this.text.charAt(this.at))) this.at++
  }

  private take(wanted: string): bool {
    this.skipSpace()
    if (this.text.charAt(this.at) !== wanted) return false
    this.at++
    return true
  }

  private readText(): string | null {
    if (!this.take('"')) return null
    let read = ''
    while (this.at < this.text.length) {
      const character = this.text.charAt(this.at++)
      if (character === '"') return read
      if (character < ' ') return null
      if (character !== '\\') {
        read += character
        continue
      }
      const kind = this.text.charAt(this.at++)
      const meant = kind === '' ? -1 : ESCAPES.indexOf(kind)
      if (meant >= 0) {
        read += MEANT.charAt(meant)
        continue
      }
      const unit = kind === 'u' ? hex(this.text.substr(this.at, 4), 4) : -1
      if (unit < 0) return null
      read += String.fromCharCode(unit)
      this.at += 4
    }
    return null
  }
}

/** The number that `digits` are, if there are so many; -1 when something else is there. */
function hex(digits: string, count: i32): i32 {
  if (digits.length !== count) return -1
  let value = 0
  for (let i = 0; i < count; i++) {
    const digit = HEX.indexOf(digits.charAt(i).toUpperCase())
    if (digit < 0) return -1
    value = (value << 4) | digit
  }
  return value
}

function decode(text: string): string {
  const bytes: u8[] = []
  const given = Uint8Array.wrap(String.UTF8.encode(text))
  for (let i = 0; i < given.length; i++) {
    const isEscape = given[i] === 0x25 && i + 2 < given.length
    const two = isEscape
      ? String.fromCharCode(given[i + 1]) + String.fromCharCode(given[i + 2])
      : ''
    const escaped = hex(two, 2)
    bytes.push(escaped >= 0 ? (escaped as u8) : given[i] === 0x2b ? 0x20 : given[i])
    if (escaped >= 0) i += 2
  }
  return String.UTF8.decodeUnsafe(bytes.dataStart, bytes.length)
}

function encode(text: string): string {
  const bytes = Uint8Array.wrap(String.UTF8.encode(text))
  let encoded = ''
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]
    const isLetter = (byte | 32) >= 0x61 && (byte | 32) <= 0x7a
    const isPlain = isLetter || (byte >= 0x30 && byte <= 0x39)
    const character = String.fromCharCode(byte)
    if (isPlain || (byte > 0 && byte < 0x80 && '-_.~'.includes(character))) encoded += character
    else encoded += `%${HEX.charAt(byte >> 4)}${HEX.charAt(byte & 15)}`
  }
  return encoded
}

/** Pairs of a form or of cookies; of a name that is there twice the first counts. */
function readPairs(text: string, separator: string): Map<string, string> {
  const fields = new Map<string, string>()
  const pairs = text.split(separator)
  for (let i = 0; i < pairs.length; i++) {
    const pair = pairs[i].trimStart()
    const equals = pair.indexOf('=')
    if (equals < 0) continue
    const name = decode(pair.substring(0, equals))
    if (!fields.has(name)) fields.set(name, decode(pair.substring(equals + 1)))
  }
  return fields
}

function jsonText(text: string): string {
  let out = '"'
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x20) out += `\\u00${HEX.charAt(unit >> 4)}${HEX.charAt(unit & 15)}`
    else out += (unit === 0x22 || unit === 0x5c ? '\\' : '') + text.charAt(i)
  }
  return `${out}"`
}

function refuse(status: string, why: string): void {
  write(`Status: ${status}\r\nContent-Type: application/json\r\n\r\n{"error":"${why}"}\n`)
}

function greet(name: string): void {
  write(`Content-Type: application/json\r\n\r\n{"hello":${jsonText(name)}}\n`)
}

function greeting(): void {
  const cookies = readPairs(variable('HTTP_COOKIE'), ';')
  greet(cookies.has('name') ? cookies.get('name') : 'stranger')
}

function remember(): void {
  const type = variable('CONTENT_TYPE')
  if (type.startsWith('application/json')) rememberName(true)
  else if (type.startsWith('application/x-www-form-urlencoded')) rememberName(false)
  else refuse('415 Unsupported Media Type', 'wanted JSON or a form')
}

function rememberName(isJson: bool): void {
  const body = new Uint8Array(BODY_BYTES + 1)
  let length = 0
  for (let count = 1; count > 0 && length < body.length; length += count)
    count = read(body.subarray(length))
  const text = String.UTF8.decodeUnsafe(body.dataStart, length)
  const fields = isJson ? new JsonReader(text).read() : readPairs(text, '&')
  if (length > BODY_BYTES) {
    refuse('413 Content Too Large', 'too long')
  } else if (fields === null || !fields.has('name')) {
    refuse('400 Bad Request', 'wanted a name')
  } else {
    const name = fields.get('name')
    write(`Set-Cookie: name=${encode(name)}; Path=/; HttpOnly; SameSite=Lax\r\n`)
    greet(name)
  }
}

function upload(): void {
  const chunk = new Uint8Array(65536)
  let bytes: u64 = 0
  let sum: u32 = 2166136261
  for (let count = read(chunk); count > 0; count = read(chunk)) {
    bytes += count
    for (let i = 0; i < count; i++) sum = (sum ^ unchecked(chunk[i])) * 16777619
  }
  const hash = sum.toString(16).padStart(8, '0')
  write(`Content-Type: application/json\r\n\r\n{"bytes":${bytes.toString()},"fnv1a":"${hash}"}\n`)
}

/** Each piece goes out when it has come. */
function stream(): void {
  write('Content-Type: text/plain\r\n\r\n')
  const chunk = new Uint8Array(65536)
  for (let count = read(chunk); count > 0; count = read(chunk)) {
    for (let i = 0; i < count; i++) {
      const byte = unchecked(chunk[i])
      if (byte >= 0x61 && byte <= 0x7a) chunk[i] = byte - 32
    }
    writeBytes(chunk.subarray(0, count))
  }
}

const path = variable('PATH_INFO')
const method = variable('REQUEST_METHOD')
if (path === '/greeting' && method === 'GET') greeting()
else if (path === '/greeting' && method === 'POST') remember()
else if (path === '/upload' && method === 'POST') upload()
else if (path === '/stream' && method === 'POST') stream()
else if (path === '/greeting' || path === '/upload' || path === '/stream')
  refuse('405 Method Not Allowed', 'no such method')
else refuse('404 Not Found', 'no such route')
