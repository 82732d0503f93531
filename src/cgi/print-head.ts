/** The header of a response as it is sent. A program sends the same one again and again: only the request's id is new then. */
import type { ResponseHead } from './response-head.ts'

/** Longer ones are printed anew each time. */
const MAX_KEPT_BYTES = 4096
/** What the id and the blank line take at most. */
const END_BYTES = 256

const printed = Buffer.allocUnsafeSlow(MAX_KEPT_BYTES + END_BYTES)
let printedHead: ResponseHead | undefined
let printedLength: number | undefined
let printedBytes = 0
/** What was answered last. */
let view: Uint8Array = printed

export interface HeadEnd {
  /** What Content-Length says; undefined: there is none. */
  readonly length: number | undefined
  readonly isBodiless: boolean
  /** At most 200 characters of visible ASCII. */
  readonly requestId: string
}

/** The bytes hold until the next call. */
export function printHead(head: ResponseHead, end: HeadEnd): Uint8Array {
  const { length, isBodiless, requestId } = end
  const isSame = head === printedHead && length === printedLength && !isBodiless
  if (!isSame) {
    const text = textOf(head, length, isBodiless)
    if (text.length > MAX_KEPT_BYTES) {
      return Buffer.from(`${text}${requestId}\r\n\r\n`, 'latin1')
    }
    printedBytes = printed.write(text, 'latin1')
    printedHead = isBodiless ? undefined : head
    printedLength = length
  }
  let at = printedBytes
  for (let index = 0; index < requestId.length; index += 1) {
    printed[at++] = requestId.charCodeAt(index)
  }
  for (const byte of BLANK_LINE) printed[at++] = byte
  if (view.length !== at) view = printed.subarray(0, at)
  return view
}

const BLANK_LINE = [13, 10, 13, 10] as const

function textOf(
  { top, hasContentType }: ResponseHead,
  length: number | undefined,
  isBodiless: boolean,
): string {
  let text = top
  // Never text/html by default: a guest that forgets the type must not become an XSS hole.
  if (!hasContentType && !isBodiless && length !== 0) {
    text += 'Content-Type: application/octet-stream\r\nX-Content-Type-Options: nosniff\r\n'
  }
  if (length !== undefined) text += `Content-Length: ${length}\r\n`
  return `${text}X-Request-Id: `
}
