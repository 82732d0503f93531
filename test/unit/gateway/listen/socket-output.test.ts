/** What leaves a connection, over two ends of a real socket: only the kernel says how much it takes. */
import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { type OutputSource, SocketOutput } from '../../../../src/gateway/listen/socket-output.ts'
import { makeSocketPair } from '../../../../src/gateway/listen/socket-pair.ts'
import { Wire } from '../../../../src/gateway/listen/wire.ts'

class Source implements OutputSource {
  activeRequests = 1
  pieces: Uint8Array[] = []
  written = 0
  takeOutput(): Uint8Array[] {
    return this.pieces.splice(0)
  }
  outputWritten(byteCount: number): void {
    this.written += byteCount
  }
}

function setUp() {
  const { near, far } = makeSocketPair()
  if (far === undefined) throw new Error('Cannot test: no pair of sockets, wanted one')
  const source = new Source()
  let idle = 0
  const output = new SocketOutput(
    new Wire(near, { opened: () => undefined, received: () => undefined }),
    source,
    () => {
      idle += 1
    },
  )
  near.on('error', () => undefined)
  const wire: { bytes: Buffer } = { bytes: Buffer.alloc(0) }
  far.on('data', (chunk: Buffer) => {
    wire.bytes = Buffer.concat([wire.bytes, chunk])
  })
  return { near, far, source, output, wire, idle: () => idle }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await turn()
}

function piecesOf(...sizes: number[]): Uint8Array[] {
  return sizes.map((size, index) => new Uint8Array(size).fill(index + 1))
}

function end(...sockets: Socket[]): void {
  for (const socket of sockets) socket.destroy()
}

const SENT = [
  { name: 'one small piece', sizes: [200] },
  { name: 'several pieces', sizes: [8, 32_768, 1, 70_000] },
  { name: 'more than a socket holds', sizes: [32_768, 900_000, 5, 300_000, 24] },
]

for (const { name, sizes } of SENT) {
  test(`${name}: every byte leaves in order, and is confirmed once`, async () => {
    const { near, far, source, output, wire, idle } = setUp()
    source.pieces = piecesOf(...sizes)
    const all = Buffer.concat(source.pieces)
    output.schedule()
    expect(source.written).toBe(0)
    await until(() => wire.bytes.length >= all.length && !output.isBusy)
    expect(wire.bytes.equals(all)).toBe(true)
    expect(source.written).toBe(all.length)
    expect(idle()).toBe(1)
    end(near, far)
  })
}

test('what is written later in the same run of JavaScript leaves together with the first', async () => {
  const { near, far, source, output } = setUp()
  source.pieces = piecesOf(10)
  output.schedule()
  output.schedule()
  await Promise.resolve().then(() => source.pieces.push(...piecesOf(20)))
  await turn()
  expect(source.written).toBe(30)
  expect(output.writesDone).toBe(1)
  end(near, far)
})

test('with no request active there is nothing to wait for: it leaves before the next tick', async () => {
  const { near, far, source, output } = setUp()
  source.activeRequests = 0
  source.pieces = piecesOf(10)
  output.schedule()
  expect(source.written).toBe(0)
  const beforeTick = new Promise<number>((resolve) => {
    process.nextTick(() => resolve(source.written))
  })
  expect(await beforeTick).toBe(10)
  end(near, far)
})

test('sealed, it writes what was taken and takes no more', async () => {
  const { near, far, source, output, wire } = setUp()
  source.pieces = piecesOf(900_000)
  output.schedule()
  await until(() => output.isWriting)
  source.pieces = [new Uint8Array(10).fill(9)]
  output.seal()
  await until(() => wire.bytes.length >= 900_000 && !output.isBusy)
  await turn()
  expect(wire.bytes.length).toBe(900_000)
  expect(source.pieces.length).toBe(1)
  end(near, far)
})

test('without its socket it throws everything away and confirms it, so that nobody waits', async () => {
  const { near, far, source, output } = setUp()
  far.pause()
  source.pieces = piecesOf(900_000)
  output.schedule()
  await until(() => output.isWriting)
  end(near, far)
  source.pieces = piecesOf(50)
  output.discard()
  await until(() => source.written === 900_050)
  expect(output.isBusy).toBe(false)
})
