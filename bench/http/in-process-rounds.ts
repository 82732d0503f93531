/**
 * `node bench/http/in-process-rounds.ts CHECKOUT [MODULE]`: one turn of `in-process.ts`. Prints `RoundFigures`. With MODULE, which
 * prints a hello, it counts garbage only: `us` is 0.
 *
 * 16 connections, of which 4 ask in one turn of the event loop. Rounds are short, and the fastest one counts: nobody else
 * disturbed it. There is no garbage collection in such a round, so garbage is measured beside it.
 */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { getHeapStatistics } from 'node:v8'
import { ClientConnection } from '../../src/fastcgi/client-connection.ts'
import type { ServerConnection } from '../../src/fastcgi/connection.ts'
import type { ConnectionEvents } from '../../src/fastcgi/connection-events.ts'
import type { FastCgiRequest } from '../../src/fastcgi/request.ts'
import { built } from '../../test/support/built.ts'
import { median } from './statistics.ts'

export interface RoundFigures {
  /** Microseconds of a request in the fastest round. */
  readonly us: number
  /** Bytes of V8's heap that a request takes. */
  readonly garbageBytes: number
}

const CONNECTIONS = 16
const ASKING = 4
const WARM_UP_REQUESTS = 20_000
const ROUNDS = 1500
const ROUND_REQUESTS = 100
const GARBAGE_ROUNDS = 60
const GARBAGE_REQUESTS = 40

/** So many answers to one that is looked at: looking at it makes garbage, too. */
const CHECKED_OF = 100

const source = join(process.argv[2] ?? '', 'src')
const fastcgi =
  await load<typeof import('../../src/fastcgi/connection.ts')>('fastcgi/connection.ts')
const handler = await load<typeof import('../../src/gateway/handle-request.ts')>(
  'gateway/handle-request.ts',
)
const assembly = await load<typeof import('../../src/worker/assemble-gateway.ts')>(
  'worker/assemble-gateway.ts',
)
const listeners = await load<typeof import('../../src/worker/listeners.ts')>('worker/listeners.ts')
const { parseConfig } = await load<typeof import('../../src/config/parse.ts')>('config/parse.ts')
const { systemClock } = await load<typeof import('../../src/base/clock.ts')>('base/clock.ts')
const { createLogger } = await load<typeof import('../../src/base/logger.ts')>('base/logger.ts')

const root = mkdtempSync(join(tmpdir(), 'wasm-fpm-in-process-'))
process.once('exit', () => rmSync(root, { recursive: true, force: true }))
const [, , , ownModule] = process.argv
copyFileSync(ownModule ?? built('build/guests/c/hello.wasm'), join(root, 'hello.wasm'))
const config = parseConfig(
  `[[pool]]
name = "bench"
listen = ["${root}/none.sock"]
[[tenant]]
name = "bench"
pool = "bench"
root = "${root}"
max_children = 64
access_log = "off"
`,
  join(root, 'bench.toml'),
)
const gateway = assembly.assembleGateway(config, {
  clock: systemClock,
  logger: createLogger('warn', false),
  accessLog: true,
})
const pool = config.pools[0]
if (pool === undefined) throw new Error('Cannot measure: no pool, wanted one')
const { connection: options } = listeners.connectionSettings(pool, gateway.router.params)
/** As it comes: in a memory that is used again, and so copied. */
const requestBytes = makeRequest(root)
const room = Buffer.concat([requestBytes, Buffer.alloc(65_536)]).subarray(0, requestBytes.length)
let answered = 0

/** A connection without a socket: what it has to send is taken as the real driver takes it, and confirmed at once. */
class Peer implements ConnectionEvents {
  readonly #connection: ServerConnection = new fastcgi.ServerConnection(this, options)
  #isScheduled = false

  ask(): void {
    // The one before may wait for its next slice on a busy machine.
    if (this.#connection.activeRequests === 0) this.#connection.receive(room)
  }

  onRequest(request: FastCgiRequest): void {
    handler.handleRequest(request, 'bench', gateway)
  }

  onOutput(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    queueMicrotask(this.#schedule)
  }

  readonly #schedule = (): void => process.nextTick(this.#flush)

  onInputWanted(): void {}

  onBadRequest(): void {
    throw new Error('Cannot measure: a bad request, wanted a good one')
  }

  onClose(): void {
    throw new Error('Cannot measure: a closed connection, wanted one that is kept')
  }

  readonly #flush = (): void => {
    this.#isScheduled = false
    const pieces = this.#connection.takeOutput()
    const [output] = pieces
    if (output === undefined || pieces.length > 1)
      throw new Error('Cannot measure: answered in several pieces, wanted one')
    if (answered % CHECKED_OF === 0 && !Buffer.from(output).includes('Hello'))
      throw new Error(`Cannot measure: answered ${Buffer.from(output)}, wanted a hello`)
    answered += 1
    this.#connection.outputWritten(output.length)
  }
}

const peers = Array.from({ length: CONNECTIONS }, () => new Peer())
await run(1)
await run(WARM_UP_REQUESTS)
const us: number[] = []
for (let round = 0; ownModule === undefined && round < ROUNDS; round += 1) {
  const startMs = performance.now()
  await run(ROUND_REQUESTS)
  us.push(((performance.now() - startMs) * 1000) / ROUND_REQUESTS)
}
const garbage: number[] = []
for (let round = 0; round < GARBAGE_ROUNDS; round += 1) {
  const before = getHeapStatistics().used_heap_size
  await run(GARBAGE_REQUESTS)
  const bytes = (getHeapStatistics().used_heap_size - before) / GARBAGE_REQUESTS
  if (bytes > 0) garbage.push(bytes) // else there was a collection in between
}
const figures: RoundFigures = {
  us: ownModule === undefined ? Math.min(...us) : 0,
  garbageBytes: median(garbage),
}
process.stdout.write(`${JSON.stringify(figures)}\n`)
process.exit(0)

async function run(requests: number): Promise<void> {
  const wanted = answered + requests
  for (let next = 0; answered < wanted; next += ASKING) {
    await nextTurn()
    for (let asking = 0; asking < ASKING; asking += 1) peers[(next + asking) % CONNECTIONS]?.ask()
  }
}

function load<Module>(path: string): Promise<Module> {
  return import(join(source, path)) as Promise<Module>
}

/** What nginx sends for a GET of `/hello.wasm`. */
function makeRequest(folder: string): Buffer {
  const client = new ClientConnection({
    onOutput: () => undefined,
    onInputWanted: () => undefined,
    onClose: () => undefined,
  })
  const request = client.begin({
    keepConnection: true,
    params: Object.entries({
      GATEWAY_INTERFACE: 'CGI/1.1',
      SERVER_SOFTWARE: 'nginx/1.22.1',
      QUERY_STRING: '',
      REQUEST_METHOD: 'GET',
      CONTENT_TYPE: '',
      CONTENT_LENGTH: '',
      REQUEST_URI: '/hello.wasm',
      DOCUMENT_URI: '/hello.wasm',
      SERVER_PROTOCOL: 'HTTP/1.1',
      REQUEST_SCHEME: 'http',
      REMOTE_ADDR: '127.0.0.1',
      REMOTE_PORT: '48102',
      SERVER_ADDR: '127.0.0.1',
      SERVER_PORT: '8080',
      SERVER_NAME: 'localhost',
      REDIRECT_STATUS: '200',
      SCRIPT_NAME: '/hello.wasm',
      SCRIPT_FILENAME: `${folder}/hello.wasm`,
      DOCUMENT_ROOT: folder,
      WASM_FPM_TENANT: 'bench',
      HTTP_HOST: '127.0.0.1:8080',
    }),
  })
  request.stdin.end()
  return Buffer.concat(client.takeOutput())
}
