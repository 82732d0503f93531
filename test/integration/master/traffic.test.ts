/** Bytes of requests and responses, by tenant: in the figures of the machine, and on the tenant's own page. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { begin, record, splitRecords } from '../../support/fastcgi/records.ts'
import { freePort } from '../../support/peers/child.ts'
import { configText, makeFolder, serve } from './serve.ts'

interface Moved {
  readonly received: number
  readonly sent: number
}

async function setUp() {
  const folder = makeFolder()
  const port = await freePort()
  const config = configText(folder, {
    top: `[metrics]\nlisten = "127.0.0.1:${port}"`,
    tenant: 'pm_status_path = "/status"',
  })
  const serving = await serve({
    folder,
    config,
    through: (command) => [...command, '--http', '127.0.0.1:0'],
  })
  const url = /http:[^\s"]+:\d+/.exec(serving.log())?.[0] ?? ''
  const moved = async (): Promise<Moved> => {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    const figure = (name: string): number =>
      Number(new RegExp(`^wasm_fpm_${name}\\{tenant="site"\\} (\\d+)$`, 'm').exec(text)?.[1] ?? 0)
    return { received: figure('received_bytes_total'), sent: figure('sent_bytes_total') }
  }
  return { serving, config, url, moved }
}

function params(path: string, body: number): Buffer {
  const pairs = {
    REQUEST_METHOD: body === 0 ? 'GET' : 'POST',
    SCRIPT_NAME: path,
    REQUEST_URI: path,
    HTTP_HOST: 'site.example',
    CONTENT_LENGTH: String(body),
  }
  return Buffer.concat(
    Object.entries(pairs).map(([name, value]) =>
      Buffer.concat([Buffer.from([name.length, value.length]), Buffer.from(name + value)]),
    ),
  )
}

/** Asks over a connection of its own, with a body of `body` bytes; how many bytes of content have gone there and come back. */
async function ask(path: string, socket: string, body = 0): Promise<Moved> {
  const peer = connect(socket)
  const variables = params(path, body)
  const pieces = Array.from({ length: Math.ceil(body / 50_000) }, (_, index) =>
    record(5, 1, new Uint8Array(Math.min(50_000, body - index * 50_000))),
  )
  for (const part of [begin(1, { flags: 0 }), record(4, 1, variables), record(4, 1)])
    peer.write(part)
  for (const part of [...pieces, record(5, 1)]) peer.write(part)
  const answer: Buffer[] = []
  peer.on('data', (bytes: Buffer) => answer.push(bytes))
  await once(peer, 'close')
  return { received: variables.length + body, sent: contentOf(Buffer.concat(answer)) }
}

/** Sends a part of what it has announced, and gives up. */
async function giveUp(socket: string, body: number): Promise<Moved> {
  const peer = connect(socket)
  const variables = params('/echo.wasm', 10 * body)
  for (const part of [begin(1), record(4, 1, variables), record(4, 1)]) peer.write(part)
  for (const part of [record(5, 1, new Uint8Array(body)), record(2, 1)]) peer.write(part)
  // It is answered with its end, and the connection is kept. The guest may have begun its answer before it heard of it.
  let answer = Buffer.alloc(0)
  for await (const bytes of peer) {
    answer = Buffer.concat([answer, bytes])
    // An END_REQUEST has 16 bytes.
    if (answer.at(-15) === 3) break
  }
  peer.destroy()
  return { received: variables.length + body, sent: contentOf(answer) }
}

/** Bytes of STDOUT. */
function contentOf(answer: Buffer): number {
  return splitRecords(answer)
    .filter(({ type }) => type === 6)
    .reduce((sum, { content }) => sum + content.length, 0)
}

test('what is sent and answered is what is counted, whoever answers and however it ends', async () => {
  const { serving, config, url, moved } = await setUp()
  const { socket } = serving
  const known = await moved()
  let [received, sent] = [known.received, known.sent]
  const counts = async (): Promise<void> => {
    await expect.poll(moved).toEqual({ received, sent })
  }
  // A page of our own, a path without a guest, and guests.
  for (const [path, body] of [
    ['/status', 0],
    ['/none.wasm', 70_000],
    ['/echo.wasm', 0],
    ['/echo.wasm', 200_000],
  ] as const) {
    const of = await ask(path, socket, body)
    received += of.received
    sent += of.sent
    await counts()
  }
  expect(sent).toBeGreaterThan(200_000)
  const half = await giveUp(socket, 20_000)
  received += half.received
  sent += half.sent
  await counts()

  // The variables that the HTTP front makes are not ours to count, but those of two such requests are alike.
  const byHttp: number[] = []
  for (const body of [10_000, 90_000]) {
    const answer = await fetch(`${url}/echo.wasm`, { method: 'POST', body: new Uint8Array(body) })
    const length = (await answer.arrayBuffer()).byteLength
    const before = { received, sent }
    await expect.poll(async () => (await moved()).sent).toBeGreaterThan(sent + length)
    ;({ received, sent } = await moved())
    byHttp.push(received - before.received)
    expect(sent - before.sent - length).toBeGreaterThan(0)
  }
  expect((byHttp[1] ?? 0) - (byHttp[0] ?? 0)).toBe(80_000)

  // Whatever becomes of the tenant's table and of the workers.
  serving.writeConfig(config.replace('/status', '/state'))
  const { length } = serving.log()
  serving.child.kill('SIGHUP')
  await serving.logged(/reload is done/, length)
  await counts()
  const first = serving.workers()
  expect((await serving.command('restart')).code).toBe(0)
  await expect.poll(() => serving.workers().filter((pid) => first.includes(pid))).toEqual([])
  await counts()
  const last = await ask('/echo.wasm', socket, 1000)
  received += last.received
  sent += last.sent
  await counts()
})
