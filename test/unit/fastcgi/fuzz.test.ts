/**
 * Random peers against random applications. `FASTCGI_FUZZ_MS` sets the time (default 1,500), `FASTCGI_FUZZ_SEED` the
 * first seed; a failure names the seed that repeats it.
 */
import { expect, test } from 'vitest'
import { fuzzRun, type Tamper } from '../../support/fastcgi/fuzz-run.ts'
import { hex, join } from '../../support/fastcgi/hex.ts'
import { Random } from '../../support/fastcgi/random.ts'
import { record } from '../../support/fastcgi/records.ts'
import { peer } from '../../support/fastcgi/server-peer.ts'
import { WireChecker } from '../../support/fastcgi/wire-checker.ts'

const { FASTCGI_FUZZ_MS = '1500', FASTCGI_FUZZ_SEED = String(Date.now() % 1_000_000_007) } =
  process.env
const BUDGET_MS = Number(FASTCGI_FUZZ_MS)
const FIRST_SEED = Number(FASTCGI_FUZZ_SEED)
const STEPS = 300

test('no peer and no application make a connection break the protocol', {
  timeout: BUDGET_MS + 30_000,
}, () => {
  const until = performance.now() + BUDGET_MS
  let requests = 0
  let seed = FIRST_SEED
  do {
    try {
      requests += fuzzRun({ seed, steps: STEPS }).requests
    } catch (cause) {
      throw new Error(`FASTCGI_FUZZ_SEED=${seed} fails: ${String(cause)}`, { cause })
    }
    seed++
  } while (performance.now() < until)
  expect(requests).toBeGreaterThan(0)
})

/** Two requests, one of them aborted, and a question. */
const FIXTURE = join([
  hex('01 01 0001 0008 00 00  0001 01 0000000000'),
  hex("01 04 0001 0009 07 00  0b 80000004 'REQU'  00000000000000"),
  hex("01 04 0001 000b 05 00  'EST_URI' '/abc'  0000000000"),
  hex('01 04 0001 0000 00 00  01 09 0000 0011 00 00  0f 00'),
  hex("'FCGI_MPXS_CONNS'  01 01 0100 0008 00 00  0003 00 0000000000"),
  hex("01 05 0001 0003 05 00  'one' 0000000000  01 05 0001 0000 00 00"),
  hex('01 04 0100 0000 00 00  01 02 0100 0000 00 00'),
])

test('a changed, cut or repeated recording never throws, and closes at most once', () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + 3000; seed++) {
    const random = new Random(seed)
    const bytes = FIXTURE.slice(0, random.oneIn(3) ? random.below(FIXTURE.length) : undefined)
    for (let changes = random.below(4); changes > 0 && bytes.length > 0; changes--) {
      bytes[random.below(bytes.length)] = random.below(256)
    }
    const server = peer({
      onRequest: (request) => {
        if (random.oneIn(2)) request.end(0, 0)
      },
    })
    const seen = `FASTCGI_FUZZ_SEED=${seed}`
    for (const part of random.oneIn(2) ? [bytes] : [bytes, bytes]) {
      for (let at = 0; at < part.length; ) {
        const size = 1 + random.below(40)
        server.send(part.subarray(at, at + size))
        at += size
      }
    }
    server.connection.inputEnded(true)
    for (const request of server.requests) request.end(0, 0)
    expect(server.closed.length, seen).toBe(1)
    expect(server.connection.activeRequests, seen).toBe(0)
    server.flush()
    expect(server.connection.bufferedBytes, seen).toBe(0)
  }
})

test('the same seed makes the same run', () => {
  expect(fuzzRun({ seed: 7, steps: 500 })).toEqual(fuzzRun({ seed: 7, steps: 500 }))
})

/** Violations planted in output that was correct; each must be caught within a few runs. */
const PLANTED: { name: string; tamper: Tamper }[] = [
  {
    name: 'padding that is not zero',
    tamper: (output) => onPadding(output, (at) => output.with(at, 0x3f)),
  },
  {
    name: 'an END_REQUEST twice',
    tamper: (output) => onType(output, 3, (end) => join([output, end])),
  },
  { name: 'a missing end of STDOUT', tamper: (output) => onEmptyStdout(output) },
  { name: 'a record for an id nobody began', tamper: (output) => join([output, record(6, 777)]) },
]

test.each(PLANTED)('the checker catches $name', ({ tamper }) => {
  const runs = () => {
    for (let seed = 0; seed < 50; seed++) fuzzRun({ seed, steps: STEPS, tamper })
  }
  expect(runs).toThrow()
})

const BEHIND = [
  { name: 'STDOUT behind its end', bytes: join([record(6, 1), record(6, 1)]) },
  {
    name: 'STDERR behind its end',
    bytes: join([record(7, 1, new Uint8Array(8)), record(7, 1), record(7, 1)]),
  },
  { name: 'an empty STDERR', bytes: record(7, 1) },
  { name: 'END_REQUEST without the end of STDOUT', bytes: record(3, 1, new Uint8Array(8)) },
  {
    name: 'END_REQUEST of another length',
    bytes: join([record(6, 1), record(3, 1, new Uint8Array(16))]),
  },
  { name: 'a record that is not padded', bytes: record(6, 1, hex('61')) },
  { name: 'a management record with an id', bytes: record(10, 1) },
]

test.each(BEHIND)('the checker catches $name', ({ bytes }) => {
  const checker = new WireChecker()
  checker.begun(1)
  expect(() => checker.sent(bytes)).toThrow()
})

/** Walks records; answers `change` of the first for which `find` gives an offset. */
function onRecord(output: Uint8Array, find: (at: number) => Uint8Array | undefined): Uint8Array {
  const view = new DataView(output.buffer, output.byteOffset, output.length)
  for (let at = 0; at < output.length; at += 8 + view.getUint16(at + 4) + view.getUint8(at + 6)) {
    const changed = find(at)
    if (changed !== undefined) return changed
  }
  return output
}

function onPadding(output: Uint8Array, change: (at: number) => Uint8Array): Uint8Array {
  return onRecord(output, (at) => {
    if (output[at + 6] === 0) return undefined
    return change(at + 8 + (output[at + 4] ?? 0) * 256 + (output[at + 5] ?? 0))
  })
}

function onType(
  output: Uint8Array,
  type: number,
  change: (record: Uint8Array) => Uint8Array,
): Uint8Array {
  return onRecord(output, (at) =>
    output[at + 1] === type ? change(output.slice(at, at + 16)) : undefined,
  )
}

function onEmptyStdout(output: Uint8Array): Uint8Array {
  return onRecord(output, (at) => {
    const isEmptyStdout = output[at + 1] === 6 && output[at + 4] === 0 && output[at + 5] === 0
    return isEmptyStdout ? join([output.slice(0, at), output.slice(at + 8)]) : undefined
  })
}
