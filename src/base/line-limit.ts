/** The longest line of a log. A longer one is cut, and says how long it was; one of JSON stays JSON. */
import { gatherIn, type LogDestination } from './logger.ts'

/** Texts within a line of JSON are not made shorter than this. */
const MIN_TEXT = 64

/** So many texts of a line are made shorter before it is cut like any other. */
const MAX_TEXTS = 64

export class LineLimit {
  /** Without the newline. */
  bytes: number

  constructor(bytes: number) {
    this.bytes = bytes
  }

  /** `destination`, with every line cut. */
  before(destination: LogDestination): LogDestination {
    return {
      write: (line) => destination.write(this.cut(line)),
      gather: (line) => gatherIn(destination, this.cut(line)),
    }
  }

  /** `line`: one, with its newline. */
  cut(line: string): string {
    const { bytes } = this
    // A char has three bytes at most.
    if (line.length * 3 <= bytes) return line
    const lineBytes = Buffer.byteLength(line) - 1
    if (lineBytes <= bytes) return line
    const shorter = line.startsWith('{') ? cutJson(line, bytes) : undefined
    return shorter ?? cutText(line, bytes)
  }
}

function cutText(line: string, bytes: number): string {
  const whole = Buffer.from(line)
  const mark = ` ... (cut from ${whole.length - 1} bytes)`
  // A character that is cut in two becomes a mark of three bytes.
  const kept = whole.toString('utf8', 0, Math.max(0, bytes - mark.length - 3))
  return `${kept}${mark}\n`
}

/** A text somewhere in a value, and where it is. */
interface Place {
  readonly holder: object
  readonly key: string
  readonly text: string
}

/** undefined: it is no JSON, or its texts are not what makes it long. */
function cutJson(line: string, bytes: number): string | undefined {
  const value = parse(line)
  if (value === undefined) return undefined
  Object.assign(value, { cutFromBytes: Buffer.byteLength(line) - 1 })
  for (let texts = 0; texts < MAX_TEXTS; texts += 1) {
    const shorter = JSON.stringify(value)
    const tooMany = Buffer.byteLength(shorter) - bytes
    if (tooMany <= 0) return `${shorter}\n`
    const { holder, key, text } = longest(value)
    if (text.length <= MIN_TEXT) return undefined
    Reflect.set(holder, key, text.slice(0, Math.max(MIN_TEXT, text.length - tooMany)))
  }
  return undefined
}

function parse(line: string): object | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

function longest(holder: object): Place {
  let found: Place = { holder, key: '', text: '' }
  for (const [key, value] of Object.entries(holder)) {
    const isHolder = typeof value === 'object' && value !== null
    const place = isHolder ? longest(value) : { holder, key, text: value }
    if (typeof place.text === 'string' && place.text.length > found.text.length) found = place
  }
  return found
}
