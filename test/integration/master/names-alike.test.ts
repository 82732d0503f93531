/** Folders and files of a configuration whose names begin alike, or which lie in each other: a worker may use all of them. */
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { CREATE, type FileStep, fileProgram } from '../../support/file-program.ts'
import { Client, makeFolder, serve } from './serve.ts'

const LISTS: readonly FileStep[] = [
  { do: 'open', path: 'new', ...CREATE },
  { do: 'write', text: 'x' },
  { do: 'mkdir', path: 'one' },
]

test('roots, mounts and logs whose names begin with each other’s', async () => {
  const folder = makeFolder()
  const names = ['site', 'site-test', 'site-test-2']
  for (const name of names) {
    mkdirSync(join(folder, name))
    writeFileSync(join(folder, name, 'write.wasm'), fileProgram(LISTS))
    copyFileSync(join(folder, 'hello.wasm'), join(folder, name, 'hello.wasm'))
    symlinkSync(join(folder, name, 'hello.wasm'), join(folder, name, 'link.wasm'))
    mkdirSync(join(folder, `data${name}`))
    // So much is there already.
    writeFileSync(join(folder, `data${name}`, 'old'), 'old')
  }
  const tenants = names.map(
    (name) => `[[tenant]]
name = "${name}"
pool = "www"
hosts = ["${name}.example"]
root = "${folder}/${name}"
access_log = "${folder}/${name}.log"
slowlog = "${folder}/${name}.log.slow"
mounts = [{ host = "${folder}/data${name}", guest = "/data", writable = true, quota_files = 2 }]
`,
  )
  const config = `[[pool]]
name = "www"
listen = ["${folder}/www.sock"]
workers = 1
${tenants.join('')}`
  const serving = await serve({ folder, config })
  const client = new Client(serving.socket)
  for (const name of names) {
    const host = { HTTP_HOST: `${name}.example` }
    for (const script of ['hello.wasm', 'link.wasm']) {
      expect([name, script, (await client.get(script, '', host)).status]).toEqual([
        name,
        script,
        200,
      ])
    }
    // The third name is one too many: what was there has been counted.
    expect([name, (await client.get('write.wasm', '', host)).body.trim()]).toEqual([name, '0 0 19'])
    await expect
      .poll(() => readFileSync(join(folder, `${name}.log`), 'utf8'))
      .toContain('write.wasm')
  }
  client.close()
})

test('a root that holds this program', async () => {
  const folder = makeFolder()
  const config = `[[pool]]
name = "www"
listen = ["${folder}/www.sock"]
workers = 1
[[tenant]]
name = "site"
pool = "www"
hosts = ["*"]
root = "${resolve('.')}"
`
  const serving = await serve({ folder, config })
  const client = new Client(serving.socket)
  expect((await client.get('build/guests/as/hello.wasm')).status).toBe(200)
  client.close()
})
