/** Whatever a guest prints, in whatever pieces, what goes out is a CGI response or nothing. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ByteSink } from '../../../src/base/byte-stream.ts'
import { CgiResponseStream, type ResponseOptions } from '../../../src/cgi/response-stream.ts'

const LIMITS = { headerBytes: 200, headerCount: 10, bodyBytes: 400, heldBackBytes: 50 }

/** Takes as much as the next number of `rooms` says, then nothing until `relax`. */
class FickleSink implements ByteSink {
  text = ''
  ended = false
  #rooms: readonly number[]
  #at = 0
  #isRelaxed = false
  #wake: (() => void) | undefined

  constructor(rooms: readonly number[]) {
    this.#rooms = rooms
  }
  write(bytes: Uint8Array): number {
    const room = this.#isRelaxed ? Number.POSITIVE_INFINITY : (this.#rooms[this.#at++] ?? 0)
    const taken = Math.min(room, bytes.length)
    this.text += Buffer.from(bytes.subarray(0, taken)).toString('latin1')
    return taken
  }
  onWritable(wake: () => void): void {
    this.#wake = wake
  }
  end(): void {
    this.ended = true
  }
  relax(): void {
    this.#isRelaxed = true
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}

/** Fails unless `text` is one well-formed CGI response; knows nothing of the code under test. */
function checkResponse(
  text: string,
  { method }: { readonly method: string },
  isWhole: boolean,
): void {
  const end = text.indexOf('\r\n\r\n')
  expect(end, 'a header that ends').toBeGreaterThan(0)
  const lines = text.slice(0, end).split('\r\n')
  const body = text.slice(end + 4)
  // First, but for redirects: HAProxy 2.6 wants their Location before it.
  const isRedirect = lines.some((line) => /^location:/i.test(line))
  expect(isRedirect ? lines.find((line) => line.startsWith('Status: ')) : lines[0]).toMatch(
    /^Status: [2-9][0-9][0-9] [\t\x20-\x7e\x80-\xff]+$/,
  )
  const names: string[] = []
  for (const line of lines) {
    expect(line).toMatch(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t\x20-\x7e\x80-\xff]*$/)
    names.push(line.slice(0, line.indexOf(':')).toLowerCase())
  }
  const count = (name: string) => names.filter((one) => one === name).length
  expect([count('status'), count('x-request-id')]).toEqual([1, 1])
  expect(count('content-length')).toBeLessThanOrEqual(1)
  expect(count('content-type')).toBeLessThanOrEqual(1)
  expect(
    names.filter((name) =>
      /^(?:transfer-encoding|connection|x-accel|x-sendfile|variable-)/.test(name),
    ),
  ).toEqual([])
  const status = lines[0]?.slice(8, 11)
  const isBodiless = method === 'HEAD' || ['204', '205', '304'].includes(status ?? '')
  if (isBodiless) expect(body).toBe('')
  const declared = lines.find((line) => /^content-length:/i.test(line))?.slice(16)
  if (declared === undefined || isBodiless) return
  expect(declared).toMatch(/^[0-9]+$/)
  if (isWhole) expect(body.length).toBe(Number(declared))
  else expect(body.length).toBeLessThanOrEqual(Number(declared))
}

const fragment = fc.oneof(
  fc.constantFrom(
    'Content-Type: text/html\n',
    'Content-Type: text/html\r\n',
    'Status: 200 OK\n',
    'Status: 204\n',
    'Status: 205\n',
    'Status: 103\n\n',
    'Status: 9x\n',
    'HTTP/1.1 404 Not Found\r\n',
    'Content-Length: 5\n',
    'Content-Length: 0\n',
    'Content-Length: +5\n',
    'Transfer-Encoding: chunked\n',
    'X-Accel-Redirect: /x\n',
    'Variable-A: b\n',
    'Location: /x\n',
    'Set-Cookie: a=b\n',
    ' folded\n',
    'X-A: \0\n',
    'X-A: \r\r\n',
    '\n',
    '\r\n',
    'hello',
  ),
  fc.string({
    unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
    maxLength: 80,
  }),
)
const printedText = fc
  .tuple(fc.boolean(), fc.array(fragment, { maxLength: 12 }))
  .map(([isLikely, parts]) => (isLikely ? `X-A: b\n${parts.join('')}` : parts.join('')))

test('well-formed or nothing, for any output, cut anywhere, with any back-pressure', () => {
  fc.assert(
    fc.property(
      printedText,
      fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 8 }),
      fc.array(fc.integer({ min: 0, max: 120 }), { maxLength: 8 }),
      fc.constantFrom('GET', 'HEAD'),
      fc.constantFrom('finish', 'fail', 'flush'),
      (printed, steps, rooms, method, ending) => {
        const options: ResponseOptions = {
          method,
          role: 'responder',
          limits: LIMITS,
          allowedHeaders: new Set(),
          requestId: 'r1',
        }
        const sink = new FickleSink(rooms)
        const stream = new CgiResponseStream(sink, options)
        const bytes = Buffer.from(printed, 'latin1')
        let at = 0
        for (let turn = 0; at < bytes.length; turn += 1) {
          const taken = stream.write(bytes.subarray(at, at + (steps[turn % steps.length] ?? 1)))
          at += taken
          if (ending === 'flush' && turn % 3 === 2) stream.flush()
          if (taken > 0) continue
          const kept = at - stream.droppedBytes - sink.text.length
          expect(kept).toBeLessThanOrEqual(LIMITS.headerBytes + LIMITS.heldBackBytes)
          sink.relax()
        }
        const isComplete = ending !== 'fail' && stream.finish().kind === 'complete'
        const isReplaced = !isComplete && stream.fail(500)
        sink.relax()
        expect(stream.isDrained).toBe(true)
        expect(sink.ended).toBe(isComplete || isReplaced)
        // Either it ended well, or an error page went out, or the header was out already and the caller breaks off.
        checkResponse(sink.text, { method }, isComplete || isReplaced)
      },
    ),
    { seed: 20_260_101, numRuns: 3000 },
  )
})

test('the pieces do not matter', () => {
  fc.assert(
    fc.property(
      printedText,
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 }),
      (printed, steps) => {
        const print = (sizes: readonly number[]): string => {
          const sink = new FickleSink([])
          sink.relax()
          const stream = new CgiResponseStream(sink, {
            method: 'GET',
            role: 'responder',
            limits: LIMITS,
            allowedHeaders: new Set(),
            requestId: 'r1',
          })
          const bytes = Buffer.from(printed, 'latin1')
          for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
            at += stream.write(bytes.subarray(at, at + (sizes[turn % sizes.length] ?? 1)))
          }
          const result = stream.finish()
          return result.kind === 'failed' ? result.error.code : sink.text
        }
        expect(print(steps)).toBe(print([printed.length + 1]))
      },
    ),
    { seed: 20_260_102, numRuns: 2000 },
  )
})
