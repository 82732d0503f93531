/** Sessions of runtimes' guests: each tenant's own, in the store, there after a restart, and after a reload that brings a tenant. */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CREATE, type FileStep, fileProgram, READ_ONLY } from '../../support/file-program.ts'
import { Client, makeFolder, type Serving, serve } from './serve.ts'

const isRoot = process.getuid?.() === 0
const UID = isRoot ? 65_534 : process.getuid?.()
const NOENT = 44
const PLACE = 'var/lib/php/sessions'

const STEPS: Readonly<Record<string, readonly FileStep[]>> = {
  set: [
    { do: 'open', path: `${PLACE}/sess_1`, ...CREATE },
    { do: 'write', text: 'logged in' },
  ],
  get: [{ do: 'open', path: `${PLACE}/sess_1`, ...READ_ONLY }, { do: 'read' }],
}

const tenant = (name: string): string => `[[tenant]]
name = "${name}"
hosts = ["${name}.example"]
root = "."
runtimes = ["set", "get"]
access_log = "stderr"
`

function configOf(folder: string, ...tenants: string[]): string {
  const runtime = (name: string): string =>
    `[[runtime]]\nname = "${name}"\nmodule = "${name}.wasm"\nextensions = [".${name}"]\nsessions = "/${PLACE}"\n`
  return `store = "store"
${Object.keys(STEPS).map(runtime).join('')}
[[pool]]
name = "www"
listen = ["${folder}/www.sock"]
workers = 1
${isRoot ? 'user = "65534"\ngroup = "65534"' : ''}
${tenants.map(tenant).join('')}`
}

async function ask({ socket }: Serving, host: string, page: string): Promise<string> {
  const client = new Client(socket)
  const { body } = await client.get(page, '', { HTTP_HOST: `${host}.example` })
  client.close()
  return body.trim()
}

test("a tenant's sessions are there after a restart, and nobody else's", async () => {
  const folder = makeFolder()
  for (const [name, steps] of Object.entries(STEPS)) {
    const program = fileProgram(steps, { directory: 3, entry: 'wasm_fpm_handle' })
    writeFileSync(join(folder, `${name}.wasm`), program)
    writeFileSync(join(folder, `page.${name}`), '')
  }
  const first = await serve({ folder, config: configOf(folder, 'a') })
  expect(await ask(first, 'a', 'page.set')).toBe('0 0')
  expect(await ask(first, 'a', 'page.get')).toBe('0 logged in 0')
  const sessions = (name: string): string => join(folder, 'store/state', name, 'sessions')
  expect(readFileSync(join(sessions('a'), 'sess_1'), 'utf8')).toBe('logged in')
  expect(statSync(sessions('a'))).toMatchObject({ uid: UID, mode: 0o40700 })

  first.writeConfig(configOf(folder, 'a', 'b'))
  expect(await first.command('reload')).toMatchObject({ code: 0 })
  expect(await ask(first, 'b', 'page.get')).toMatch(new RegExp(`^${NOENT} `))
  expect(await ask(first, 'b', 'page.set')).toBe('0 0')
  expect(readdirSync(sessions('b'))).toEqual(['sess_1'])
  first.child.kill('SIGTERM')
  await first.exit

  const second = await serve({ folder, config: configOf(folder, 'a') })
  expect(await ask(second, 'a', 'page.get')).toBe('0 logged in 0')
  expect(second.log()).not.toContain('sessions end with their requests')
})
