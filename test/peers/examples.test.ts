/** Every example runs as it stands: its script starts both servers, and the answers are the guests'. */
import { type ExecFileException, execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { freePort } from '../support/peers/child.ts'
import { MAIN } from '../support/program.ts'

/** What is asked of two machines while each of them is stopped and started: at least so much of it. */
const LOAD = `${process.execPath} --disable-warning=ExperimentalWarning ${resolve('test/support/fleet/load-main.ts')}`
const REQUESTS = 2000

/** How run.sh says that something it needs is not on this machine. */
const NOT_HERE = 77

const examples = readdirSync('examples').filter((name) =>
  existsSync(join('examples', name, 'run.sh')),
)

test('there is an example for every set-up', () => {
  expect(examples.sort()).toEqual([
    'apache-local',
    'apache-pair',
    'apache-remote',
    'caddy',
    'h2o',
    'haproxy',
    'haproxy-pair',
    'lighttpd',
    'nginx-local',
    'nginx-pair',
    'nginx-remote',
  ])
})

for (const name of examples) {
  test(`examples/${name} answers`, async (context) => {
    const { status, output, complaints } = await run(name, await freePort())
    const { CI } = process.env
    if (status === NOT_HERE && !CI) {
      process.stderr.write(`examples/${name} is skipped: ${complaints}`)
      context.skip()
    }
    expect({ status, complaints }).toMatchObject({ status: 0 })
    const [hello, echo = '', published, load = ''] = output.split('\n')
    expect(hello).toBe('Hello from AssemblyScript')
    expect(JSON.parse(echo)).toMatchObject({
      method: 'POST',
      env: {
        SCRIPT_NAME: '/echo.wasm',
        SCRIPT_FILENAME: '/echo.wasm',
        PATH_INFO: '/a/path',
        QUERY_STRING: 'q=1',
      },
      body: 'a body',
    })
    expect(published).toBe('Hello from AssemblyScript')
    if (!name.endsWith('-pair')) return
    // Each of the two machines was stopped and started.
    const { answered, lost } = JSON.parse(load)
    expect(lost).toEqual([])
    expect(answered).toBeGreaterThan(REQUESTS)
  })
}

interface Run {
  readonly status: number
  readonly output: string
  readonly complaints: string
}

async function run(name: string, port: number): Promise<Run> {
  let failure: ExecFileException | null = null
  let [output, complaints] = ['', '']
  const child = execFile(
    join('examples', name, 'run.sh'),
    { env: { ...process.env, HTTP_PORT: String(port), LOAD, WASM_FPM: MAIN }, timeout: 90_000 },
    (error, stdout, stderr) => {
      failure = error
      output = stdout
      complaints = stderr
    },
  )
  const [code] = await once(child, 'close')
  return { status: typeof code === 'number' ? code : failure === null ? 0 : 1, output, complaints }
}
