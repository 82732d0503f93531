/**
 * nginx reads an answer's header through a buffer of 4,096 bytes, and takes records that end in the wrong place of it for a
 * header that is too large. So answers of every size are sent through it: by our own answer, writer and driver, without guests.
 */
import { Agent } from 'node:http'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { createLogger } from '../../src/base/logger.ts'
import { parseEnvironment } from '../../src/cgi/environment.ts'
import type { FastCgiRequest } from '../../src/fastcgi/request.ts'
import { Answer } from '../../src/gateway/answer.ts'
import type { Gateway } from '../../src/gateway/gateway.ts'
import { type Listener, openListener } from '../../src/gateway/listen/listener.ts'
import { CONNECTION } from '../integration/listen/responder.ts'
import { ask } from '../support/peers/http-client.ts'
import { isInstalled, type Peer, startPeer } from '../support/peers/start-peer.ts'

/** Twice nginx's buffer, and a little. */
const MAX_BYTES = 8_300
const AT_ONCE = 16

const LOGGER = createLogger('silent')

const WORDS = 'a word of standard error '
const HEAD = 'Content-Type: text/plain\r\n\r\n'

/** What is printed, in order; `wait`: the guest waits for something else than the web server. */
type Step = 'stderr' | 'wait' | 'answer' | 'body' | 'trap'

interface Shape {
  readonly name: string
  readonly steps: readonly Step[]
  readonly status: number
  /** 1: every size is tried. */
  readonly every: number
}

const SHAPES: readonly Shape[] = [
  { name: 'standard error, then an answer', steps: ['stderr', 'answer'], status: 200, every: 1 },
  { name: 'the same with a pause', steps: ['stderr', 'wait', 'answer'], status: 200, every: 13 },
  { name: 'an answer first', steps: ['answer', 'wait', 'stderr'], status: 200, every: 13 },
  { name: 'standard error, then a trap', steps: ['stderr', 'trap'], status: 500, every: 13 },
  { name: 'a body', steps: ['body'], status: 200, every: 13 },
]

const SET_UPS = [
  { name: 'as it comes', keepAlive: false, streaming: false },
  { name: 'kept alive and streaming', keepAlive: true, streaming: true },
]

describe.skipIf(!isInstalled('nginx'))('nginx takes records of every size', () => {
  let listener: Listener
  beforeAll(async () => {
    listener = await openListener('127.0.0.1:0', {
      clock: systemClock,
      logger: LOGGER,
      handler: {
        onRequest: (request) => void answer(request),
        onBadRequest: (request) => request.end(0, 1),
      },
      connection: CONNECTION,
    })
  })
  afterAll(async () => {
    listener?.destroyConnections()
    await listener?.close()
  })
  describe.each(SET_UPS)('$name', ({ keepAlive, streaming }) => {
    let peer: Peer
    beforeAll(async () => {
      const backend = { host: '127.0.0.1', tcpPort: listener.port ?? 0 }
      peer = await startPeer('nginx', { backend, keepAlive, streaming, documentRoot: '/srv' })
    })
    afterAll(() => peer?.stop())
    test.each(SHAPES)('$name', async (shape) => {
      const wrong = await askForSizes(peer.port, shape)
      expect({ count: wrong.length, first: wrong.slice(0, 10) }).toEqual({ count: 0, first: [] })
      if (shape.steps.includes('stderr')) expect(peer.logs()).toContain(WORDS)
    })
  })
})

/** The sizes whose answer was another than wanted. */
async function askForSizes(port: number, { steps, status, every }: Shape): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE })
  const wrong: number[] = []
  let next = 1
  const askInTurn = async (): Promise<void> => {
    while (next <= MAX_BYTES) {
      const size = next
      next += every
      const answer = await ask(port, `/a.wasm?${steps}&${size}`, { agent })
      if (answer.status !== status || answer.ending !== 'complete') wrong.push(size)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, askInTurn))
  agent.destroy()
  return wrong
}

/** A request as far as its answer knows, and a guest that takes the steps in its query. */
async function answer(request: FastCgiRequest): Promise<void> {
  const cgi = parseEnvironment(request.params)
  const [steps = '', size] = (cgi.variables.get('QUERY_STRING') ?? '').split('&')
  const reply = new Answer(request, GATEWAY)
  reply.cgi = cgi
  for (const step of steps.split(',')) {
    if (step === 'stderr') reply.stderr.write(linesOf(Number(size)))
    else if (step === 'answer') reply.write(Buffer.from(`${HEAD}an answer\n`))
    else if (step === 'body') reply.write(Buffer.from(HEAD + 'x'.repeat(Number(size))))
    else if (step === 'trap') return reply.fail(new Error('trapped'))
    else {
      reply.flush()
      await nextTurn()
    }
  }
  reply.complete({ outcome: { kind: 'exited', code: 0 }, cpuMs: 0, memoryBytes: 0 })
}

/** So many bytes, in lines of at most 1,000. */
function linesOf(bytes: number): Uint8Array {
  const lines = Buffer.alloc(bytes, WORDS)
  for (let at = 999; at < bytes; at += 1000) lines[at] = 10
  lines[bytes - 1] = 10
  return lines
}

const GATEWAY = {
  logger: LOGGER,
  clock: systemClock,
  accessLog: undefined,
  nextRequestId: () => 'r',
} as unknown as Gateway
