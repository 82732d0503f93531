/** One pool file, a real php-fpm and our server with what `convert` makes of it: more requests than children, the same answers. */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Child } from '../../support/peers/child.ts'
import { Client, serve } from '../master/serve.ts'
import { emptyFolder, type } from './cli.ts'

const { CI } = process.env
const VERSIONS = ['8.4', '8.3', '8.2', '8.1']
const binary = VERSIONS.map((version) => `/usr/sbin/php-fpm${version}`).find(existsSync)
if (binary === undefined && CI) throw new Error('Cannot compare with php-fpm: none is installed')

const CHILDREN = 8
/** More than our usual queue holds; the last of them wait for longer than they usually may. */
const REQUESTS = 150
const REQUEST_MS = 320

const isRoot = process.getuid?.() === 0

function poolFile(folder: string, socket: string): string {
  const path = join(folder, `${socket}.conf`)
  writeFileSync(
    path,
    `[global]
error_log = ${folder}/${socket}.log
[www]
${isRoot ? 'user = root\ngroup = root' : ''}
listen = ${folder}/${socket}
pm = static
pm.max_children = ${CHILDREN}
`,
  )
  return path
}

/** How many answers had which status. */
async function load(socket: string, script: string, filename: string) {
  const counts: Record<string, number> = {}
  const one = async (): Promise<void> => {
    const client = new Client(socket)
    const outcome = await client
      .get(script, `delay=${REQUEST_MS}&n=1`, { SCRIPT_FILENAME: filename })
      .then(({ status, body }) => `${status} ${body.trim()}`, String)
    client.close()
    counts[outcome] = (counts[outcome] ?? 0) + 1
  }
  await Promise.all(Array.from({ length: REQUESTS }, one))
  return counts
}

test.skipIf(binary === undefined)(
  'whoever finds no idle child waits, here as there; none is refused',
  async () => {
    const folder = emptyFolder()
    chmodSync(folder, 0o755)
    writeFileSync(
      join(folder, 'slow.php'),
      '<?php usleep(1000 * (int) $_GET["delay"]); echo "line 1 of 1";',
    )
    copyFileSync('build/guests/c/slow.wasm', join(folder, 'slow.wasm'))
    const args = ['-F', '-n', ...(isRoot ? ['-R'] : []), '-y', poolFile(folder, 'php.sock')]
    const php = new Child(binary ?? '', args, { directory: folder })
    onTestFinished(() => php.stop())
    await php.accepting({ unix: join(folder, 'php.sock') })

    const toml = join(folder, 'converted.toml')
    const { code, stderr } = await type([
      ...['convert', 'php-fpm', poolFile(folder, 'www.sock')],
      ...['--root', folder, '-o', toml],
    ])
    expect([code, stderr]).toEqual([0, ''])
    // Its log goes to a file, as php-fpm's does: ready is when the socket is there.
    const config = readFileSync(toml, 'utf8').replace(/^error_log = .*$/m, '')
    await serve({ folder, config })

    const [ours, theirs] = await Promise.all([
      load(join(folder, 'www.sock'), 'slow.wasm', join(folder, 'slow.wasm')),
      load(join(folder, 'php.sock'), 'slow.php', join(folder, 'slow.php')),
    ])
    expect(theirs).toEqual({ '200 line 1 of 1': REQUESTS })
    expect(ours).toEqual(theirs)
  },
)

test('many pools: one worker each, and check adds the memory up', async () => {
  const folder = emptyFolder()
  const pools = Array.from(
    { length: 12 },
    (_, n) => `[p${n}]\nlisten = ${folder}/${n}.sock\npm = ondemand\npm.max_children = 2\n`,
  )
  writeFileSync(join(folder, 'pools.conf'), pools.join(''))
  const toml = join(folder, 'wasm-fpm.toml')
  await type(['convert', 'php-fpm', join(folder, 'pools.conf'), '-o', toml])
  // It needs a runtime: `check` says how to get it.
  expect(await type(['check', '--config', toml])).toMatchObject({
    code: 78,
    stderr: expect.stringMatching(/`wasm-fpm runtime build php`.*\[CONFIG_NO_RUNTIME_MODULE\]/s),
  })
  mkdirSync(join(folder, 'store/runtimes'), { recursive: true })
  writeFileSync(join(folder, 'store/runtimes/php.wasm'), '')
  writeFileSync(toml, `store = "${folder}/store"\n${readFileSync(toml, 'utf8')}`)
  const plain = await type(['check', '--config', toml])
  // 12 x 105 MiB + 24 x (256 + 16) MiB
  expect(plain.stdout).toContain('memory at most: 7.6 GiB\n')
  expect(plain.stdout).toContain('12 workers, idle about 105 MiB each: 1.2 GiB\n')
  expect(plain.stdout).toContain('24 instances, linear memory: 6.0 GiB; /tmp: 384 MiB\n')
  const { stdout } = await type(['check', '--config', toml, '--json'])
  expect(JSON.parse(stdout).memory).toMatchObject({ workers: 12, instances: 24 })

  writeFileSync(
    toml,
    readFileSync(toml, 'utf8').replaceAll('max_children = 2', 'max_children = 16000'),
  )
  const much = await type(['check', '--config', toml])
  expect(much.stderr).toMatch(/^note: that is more than this machine's .*: set memory_max/)
})
