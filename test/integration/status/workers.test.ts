/** A status page tells of all workers of the pool, whichever of them is asked. */
import { expect, test } from 'vitest'
import { Client, configText, makeFolder, serve } from '../master/serve.ts'

const ASKED_PER_WORKER = 3

interface Page {
  readonly 'accepted conn': number
  readonly 'listen queue len': number
  readonly 'active processes': number
  readonly 'idle processes': number
  readonly processes: ReadonlyArray<{ readonly pid: number; readonly requests: number }>
}

test('the counters of two workers add up', async () => {
  const folder = makeFolder()
  const tenant = 'pm_status_path = "/status"\nprocess_idle_timeout = "1h"\n[tenant.queue]\nmax = 10'
  const pool = 'gather_connections = false'
  const serving = await serve({ folder, config: configText(folder, { pool, tenant }) })
  const page = async (client: Client): Promise<Page> => {
    const { status, body } = await client.get('status', 'json&full')
    expect(status).toBe(200)
    return JSON.parse(body)
  }
  // Instances are numbered by worker: connections are opened until both workers have one.
  const byWorker = new Map<number, Client>()
  let sent = 0
  while (byWorker.size < 2) {
    const client = new Client(serving.socket)
    const before = new Map((await page(client)).processes.map((one) => [one.pid, one.requests]))
    await client.get('hello.wasm')
    sent += 1
    const used = (await page(client)).processes.find(
      ({ pid, requests }) => requests > (before.get(pid) ?? 0),
    )
    const worker = Math.floor((used?.pid ?? 0) / 100_000)
    expect(serving.workers()).toContain(worker)
    if (byWorker.has(worker)) client.close()
    else byWorker.set(worker, client)
  }
  for (const client of byWorker.values()) {
    for (let count = 0; count < ASKED_PER_WORKER; count += 1) await client.get('hello.wasm')
    sent += ASKED_PER_WORKER
  }
  for (const client of byWorker.values()) {
    const seen = await page(client)
    expect(seen).toMatchObject({
      'accepted conn': sent,
      'listen queue len': 10,
      'active processes': 0,
      'idle processes': 2,
    })
    expect(seen.processes.reduce((sum, { requests }) => sum + requests, 0)).toBe(sent)
    client.close()
  }
})

test('a worker that does not answer is left out, and the page still comes', async () => {
  const folder = makeFolder()
  const tenant = 'pm_status_path = "/status"'
  const serving = await serve({ folder, config: configText(folder, { tenant }) })
  const [stopped = -1] = serving.workers()
  const own = async (client: Client): Promise<boolean> => {
    process.kill(stopped, 'SIGSTOP')
    const answer = client.get('status', 'json').then(({ body }) => JSON.parse(body))
    const page: unknown = await Promise.race([answer, isOver(1500)])
    process.kill(stopped, 'SIGCONT')
    if (page === undefined) {
      await answer // it was the stopped worker's connection
      return false
    }
    expect(page).toMatchObject({ pool: 'site', 'listen queue len': 64 })
    return true
  }
  let isSeen = false
  while (!isSeen) {
    const client = new Client(serving.socket)
    isSeen = await own(client)
    client.close()
  }
})

/** Resolves with nothing after `ms`: a bound, not a pause. */
function isOver(ms: number): Promise<undefined> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(undefined), ms).unref()
  })
}
