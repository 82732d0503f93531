/** Two pools, two users: what one may read the other may not. Needs root. */
import { chmodSync, chownSync, copyFileSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Client, makeFolder, serve } from './serve.ts'

/** Of users every Debian has. */
const [DAEMON, GAMES] = [1, 5]

const isRoot = process.getuid?.() === 0
if (!isRoot) process.stderr.write('not root: workers with other users are not tested\n')

test.skipIf(!isRoot)("a tenant's files are out of reach for another pool's workers", async () => {
  const folder = makeFolder()
  const pools = [
    { name: 'one', uid: DAEMON },
    { name: 'two', uid: GAMES },
  ]
  for (const { name, uid } of pools) {
    const root = join(folder, name)
    mkdirSync(root)
    copyFileSync(join(folder, 'hello.wasm'), join(root, 'hello.wasm'))
    chmodSync(join(root, 'hello.wasm'), 0o400)
    for (const path of [root, join(root, 'hello.wasm')]) chownSync(path, uid, uid)
    chmodSync(root, 0o700)
  }
  const pool = ({ name, uid }: { name: string; uid: number }): string =>
    `[[pool]]\nname = "${name}"\nlisten = ["${folder}/${name}.sock"]\nworkers = 1\nuser = "${uid}"\n` +
    `[[tenant]]\nname = "${name}"\npool = "${name}"\nhosts = ["site.example"]\nroot = "${folder}/${name}"\n`
  const config = pools.map(pool).join('')
  const serving = await serve({ folder, config })
  for (const { name } of pools) {
    expect((await new Client(`${folder}/${name}.sock`).get('hello.wasm')).status).toBe(200)
  }
  const workers = serving.workers().map((pid) => readFileSync(`/proc/${pid}/status`, 'utf8'))
  expect(workers.map((status) => /^Uid:\t(.*)$/m.exec(status)?.[1]).sort()).toEqual([
    '1\t1\t1\t1',
    '5\t5\t5\t5',
  ])
  expect(workers.map((status) => /^Groups:\t(.*?) ?$/m.exec(status)?.[1])).toEqual(['', ''])

  // A table that points into the other's files gets nothing out of them.
  serving.writeConfig(config.replaceAll(`root = "${folder}/two"`, `root = "${folder}/one"`))
  await serving.command('reload')
  expect((await new Client(`${folder}/two.sock`).get('hello.wasm')).status).toBe(404)
  expect((await new Client(`${folder}/one.sock`).get('hello.wasm')).status).toBe(200)
})
