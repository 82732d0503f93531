/** A request does not wait behind a busy worker while another one has time, over kept connections or new ones. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { wat } from '../../support/wat.ts'
import { Client, configText, makeFolder, serve } from './serve.ts'

const ENDLESS =
  '(module (memory (export "memory") 1) (func (export "_start") (loop $again (br $again))))'

/** Without anything done about it a busy worker takes one new connection in 25, or more. */
const IN_A_ROW = 200
const MOST_TRIED = 2000

test('connections of a busy worker, and new ones, go to one that has time', async () => {
  const folder = makeFolder()
  writeFileSync(join(folder, 'endless.wasm'), wat(ENDLESS))
  const log = join(folder, 'access.txt')
  const tenant = `access_log = "${log}"
access_format = "%p"
[tenant.limits]
cpu = "5m"
wall = "5m"`
  const serving = await serve({ folder, config: configText(folder, { tenant }) })
  let asked = 0
  /** Which worker has answered. */
  const answeredBy = async (client: Client): Promise<string> => {
    expect((await client.get('hello.wasm')).status).toBe(200)
    asked += 1
    const lines = (): string[] =>
      existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n') : []
    await expect.poll(() => lines().length, { interval: 1 }).toBe(asked)
    return lines().at(-1) ?? ''
  }
  const kept = Array.from({ length: 8 }, () => new Client(serving.socket))
  for (const client of kept) await answeredBy(client)
  new Client(serving.socket).get('endless.wasm').catch(() => undefined) // cut short by the end of the test

  let [worker, inARow] = ['', 0]
  for (let tried = 0; inARow < IN_A_ROW && tried < MOST_TRIED; tried += 1) {
    const client = new Client(serving.socket)
    const by = await answeredBy(client)
    client.close()
    inARow = by === worker ? inARow + 1 : 1
    worker = by
  }
  expect(inARow).toBe(IN_A_ROW)
  for (const client of kept) expect(await answeredBy(client)).toBe(worker)
})
