/** `serve` on a terminal, which `script` provides. */
import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Client, configText, launch, makeFolder } from './serve.ts'

const SCRIPT = '/usr/bin/script'
const { CI } = process.env
if (!existsSync(SCRIPT) && CI) throw new Error(`Cannot test a terminal: there is no ${SCRIPT}`)

test.skipIf(!existsSync(SCRIPT))(
  'a line a request, in colours like those of the master',
  async () => {
    const folder = makeFolder()
    const { NO_COLOR: _, FORCE_COLOR: __, ...env } = process.env
    const serving = launch({
      folder,
      config: configText(folder, { pool: 'workers = 1' }),
      through: (command) => [
        SCRIPT,
        '-qefc',
        command.map((one) => `'${one}'`).join(' '),
        '/dev/null',
      ],
      // Standard output of workers is no terminal: standard error decides.
      spawn: { env: { ...env, TERM: 'xterm' } },
    })
    await serving.logged(/.\[32mINFO.\[39m: .*ready/)
    const client = new Client(serving.socket)
    expect((await client.get('hello.wasm')).status).toBe(200)
    expect((await client.get('none.wasm')).status).toBe(404)
    client.close()
    await serving.logged(
      /\] .\[32msite GET \/hello\.wasm\? -> 200 in [\d.]+ m?s \(.* CPU, \d+ bytes\).\[39m/,
    )
    await serving.logged(/.\[33msite GET \/none\.wasm\? -> 404 in .*.\[39m/)
  },
)
