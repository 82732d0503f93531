import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Links, openWithin } from '../../../src/base/open-within.ts'
import { OpenError } from '../../../src/base/opened-file.ts'
import { openPaths } from '../../support/open-paths.ts'

const base = realpathSync(mkdtempSync(join(tmpdir(), 'open-within-')))
const root = join(base, 'root')
/** How the configuration names it. */
const named = join(base, 'current')
const server = createServer()

beforeAll(async () => {
  mkdirSync(join(root, 'dir/deep'), { recursive: true })
  mkdirSync(join(base, 'outside'))
  mkdirSync(join(base, 'root2'))
  symlinkSync('root', named)
  writeFileSync(join(root, 'file'), 'file')
  writeFileSync(join(root, 'dir/inner'), 'inner')
  writeFileSync(join(base, 'outside/secret'), 'secret')
  writeFileSync(join(base, 'root2/secret'), 'secret')
  const links = {
    'to-file': 'file',
    'to-dir': 'dir',
    'dir/up': '../file',
    'dir/deep/winding': '../../to-dir/./deep/../../dir//inner',
    chain: 'to-dir/up',
    absolute: join(root, 'file'),
    'absolute-named': join(named, 'dir'),
    'out-file': '../outside/secret',
    'out-dir': '../outside',
    'out-by-dir': 'to-dir/../../outside/secret',
    'out-absolute': join(base, 'outside/secret'),
    'out-sibling': join(base, 'root2/secret'),
    'out-root': '/',
    loop: 'loop',
    ping: 'pong',
    pong: 'ping',
    dangling: 'nowhere',
    endless: `${'dir/../'.repeat(300)}file`,
  }
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(root, name))
  execFileSync('mkfifo', [join(root, 'fifo')])
  symlinkSync('fifo', join(root, 'to-fifo'))
  await new Promise<void>((resolve) => server.listen(join(root, 'socket'), resolve))
})

afterAll(() => {
  server.close()
  rmSync(base, { recursive: true })
})

function contents(path: string, links: Links, from = root): Promise<string> | string {
  try {
    const file = openWithin(from, path, links)
    const bytes = new Uint8Array(file.stats.size)
    return file.fill(bytes).then(() => {
      file.close()
      return Buffer.from(bytes).toString()
    })
  } catch (error) {
    return error instanceof OpenError ? error.code : `no OpenError: ${String(error)}`
  }
}

const CASES = [
  // path, with links that stay inside followed, with all of them refused
  ['file', 'file', 'file'],
  ['./dir//inner', 'inner', 'inner'],
  ['dir/../file', 'file', 'file'],
  ['to-file', 'file', 'OPEN_LINK'],
  ['to-dir/inner', 'inner', 'OPEN_LINK'],
  ['dir/up', 'file', 'OPEN_LINK'],
  ['dir/deep/winding', 'inner', 'OPEN_LINK'],
  ['chain', 'file', 'OPEN_LINK'],
  ['absolute', 'file', 'OPEN_LINK'],
  // It is known by another name here.
  ['absolute-named/inner', 'OPEN_OUTSIDE', 'OPEN_LINK'],
  ['out-file', 'OPEN_OUTSIDE', 'OPEN_LINK'],
  ['out-dir/secret', 'OPEN_OUTSIDE', 'OPEN_LINK'],
  ['out-by-dir', 'OPEN_OUTSIDE', 'OPEN_LINK'],
  ['out-absolute', 'OPEN_OUTSIDE', 'OPEN_LINK'],
  ['out-sibling', 'OPEN_OUTSIDE', 'OPEN_LINK'],
  ['out-root/etc/hostname', 'OPEN_OUTSIDE', 'OPEN_LINK'],
  ['../outside/secret', 'OPEN_OUTSIDE', 'OPEN_OUTSIDE'],
  ['dir/../../root/file', 'OPEN_OUTSIDE', 'OPEN_OUTSIDE'],
  ['loop', 'OPEN_TOO_FAR', 'OPEN_LINK'],
  ['ping', 'OPEN_TOO_FAR', 'OPEN_LINK'],
  ['endless', 'OPEN_TOO_FAR', 'OPEN_LINK'],
  [`${'./dir/../'.repeat(200)}file`, 'OPEN_TOO_FAR', 'OPEN_TOO_FAR'],
  ['dangling', 'OPEN_MISSING', 'OPEN_LINK'],
  ['nothing', 'OPEN_MISSING', 'OPEN_MISSING'],
  ['nothing/file', 'OPEN_MISSING', 'OPEN_MISSING'],
  ['file/inner', 'OPEN_WRONG_KIND', 'OPEN_WRONG_KIND'],
  ['dir', 'OPEN_WRONG_KIND', 'OPEN_WRONG_KIND'],
  ['', 'OPEN_WRONG_KIND', 'OPEN_WRONG_KIND'],
  ['to-dir', 'OPEN_WRONG_KIND', 'OPEN_LINK'],
  ['fifo', 'OPEN_SPECIAL', 'OPEN_SPECIAL'],
  ['to-fifo', 'OPEN_SPECIAL', 'OPEN_LINK'],
  ['socket', 'OPEN_SPECIAL', 'OPEN_SPECIAL'],
  ['a\0b', 'OPEN_FAILED', 'OPEN_FAILED'],
  ['n'.repeat(300), 'OPEN_FAILED', 'OPEN_FAILED'],
] as const

test.each(CASES)('%s', async (path, followed, refused) => {
  const before = openPaths(base)
  expect(await contents(path, 'follow-inside')).toBe(followed)
  expect(await contents(path, 'refuse')).toBe(refused)
  expect(openPaths(base)).toEqual(before)
})

test('the root itself may be a link', async () => {
  for (const path of ['file', 'absolute', 'absolute-named/inner', 'dir/up'])
    expect(await contents(path, 'follow-inside', named)).toBe(
      path.includes('inner') ? 'inner' : 'file',
    )
  expect(await contents('out-file', 'follow-inside', named)).toBe('OPEN_OUTSIDE')
  expect(await contents('file', 'refuse', join(base, 'nowhere'))).toBe('OPEN_MISSING')
})
