/** An address that a reload gives to other workers takes every connection: those who leave it do not refuse for all. */
import { expect, test } from 'vitest'
import { freePort } from '../../support/peers/child.ts'
import { Client, makeFolder, serve } from './serve.ts'

interface Pool {
  readonly name: string
  readonly ports: readonly number[]
  readonly more?: string
}

const CASES: ReadonlyArray<{
  readonly name: string
  /** Given two ports, of which the first is asked. */
  readonly before: (port: number, other: number) => readonly Pool[]
  readonly after: (port: number, other: number) => readonly Pool[]
  readonly code?: number
}> = [
  {
    name: 'a pool of another name has it',
    before: (port) => [{ name: 'a', ports: [port] }],
    after: (port) => [{ name: 'b', ports: [port] }],
  },
  {
    name: 'a pool of another name has it beside one that stays',
    before: (port, other) => [{ name: 'a', ports: [port, other] }],
    after: (port, other) => [
      { name: 'a', ports: [other] },
      { name: 'b', ports: [port] },
    ],
  },
  {
    name: 'new workers of the pool have it',
    before: (port) => [{ name: 'a', ports: [port] }],
    after: (port) => [{ name: 'a', ports: [port], more: 'listen_backlog = 77' }],
  },
  {
    name: 'new workers of the pool have it and not the other one',
    before: (port, other) => [{ name: 'a', ports: [port, other] }],
    after: (port) => [{ name: 'a', ports: [port], more: 'listen_backlog = 77' }],
  },
  {
    name: 'new workers cannot start and the old ones keep it',
    before: (port) => [{ name: 'a', ports: [port] }],
    after: (port) => [
      { name: 'a', ports: [port], more: 'listen_backlog = 77' },
      { name: 'b', ports: [], more: '' },
    ],
    code: 1,
  },
]

function configOf(folder: string, pools: readonly Pool[]): string {
  const all = pools.map(({ name, ports, more = '' }) => {
    const listen = ports.map((port) => `"127.0.0.1:${port}"`)
    // No program may read there: its workers do not start.
    const isBroken = ports.length === 0
    const mount = isBroken
      ? `[[tenant.mounts]]\nhost = "${folder}/not-there"\nguest = "/data"\n`
      : ''
    return `[[pool]]
name = "${name}"
listen = [${isBroken ? `"${folder}/broken.sock"` : listen.join(', ')}]
workers = 2
${more}
[[tenant]]
name = "of-${name}"
pool = "${name}"
hosts = ["*"]
ready_path = "/ready-of-${name}"
root = "${folder}"
${mount}`
  })
  return all.join('')
}

for (const { name, before, after, code = 0 } of CASES) {
  test(name, async () => {
    const folder = makeFolder()
    const [port, other] = [await freePort(), await freePort()]
    const serving = await serve({ folder, config: configOf(folder, before(port, other)) })
    let isOver = false
    const failures: string[] = []
    const ask = async (script: string): Promise<void> => {
      const client = new Client(port)
      const { status } = await client.get(script)
      if (status !== 200) failures.push(`status ${status}`)
      client.close()
    }
    const loop = async (): Promise<void> => {
      while (!isOver)
        await ask('hello.wasm').catch((error: unknown) => failures.push(String(error)))
    }
    const loops = [loop(), loop()]
    serving.writeConfig(configOf(folder, after(port, other)))
    expect((await serving.command('reload')).code).toBe(code)
    // Longer than those who leave take: whoever answers is of the pool that has it now.
    const heir = after(port, other).find(({ ports }) => ports.includes(port))
    for (const until = performance.now() + 1500; performance.now() < until; ) {
      await ask(`ready-of-${heir?.name}`)
    }
    isOver = true
    await Promise.all(loops)
    expect(failures).toEqual([])
  })
}
