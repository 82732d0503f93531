/** Permissions that guests set. */
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Errno } from '../../../src/wasi/errno.ts'
import { openHostDirectory } from '../../../src/wasi/host-directory.ts'
import { ImageCache } from '../../../src/wasi/image-cache.ts'
import { ImageDirectory } from '../../../src/wasi/image-directory.ts'
import { createMemoryDirectory } from '../../../src/wasi/memory-directory.ts'
import { MountPlan } from '../../../src/wasi/mount-tree.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { makeProbe } from './probe.ts'

let base = ''

beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'wasi-chmod-')))
  mkdirSync(join(base, 'root/folder'), { recursive: true })
  for (const name of ['root/file', 'root/folder/file', 'outside']) {
    writeFileSync(join(base, name), '', { mode: 0o644 })
  }
  symlinkSync('folder/file', join(base, 'root/link'))
  symlinkSync('../outside', join(base, 'root/out'))
  execFileSync('mkfifo', ['-m', '640', join(base, 'root/fifo')])
})

afterEach(() => {
  chmodSync(join(base, 'root/folder'), 0o700)
  rmSync(base, { recursive: true })
})

const { SUCCESS, NOENT, NOTDIR, NOTCAPABLE, ROFS } = Errno

const CASES = [
  { path: 'file', mode: 0o600, errno: SUCCESS, changed: 'root/file', is: 0o600 },
  { path: 'file', mode: 0o444, errno: SUCCESS, changed: 'root/file', is: 0o444 },
  { path: 'file', mode: 0, errno: SUCCESS, changed: 'root/file', is: 0o400 },
  { path: 'file', mode: 0o7755, errno: SUCCESS, changed: 'root/file', is: 0o755 },
  { path: 'file', mode: -1, errno: SUCCESS, changed: 'root/file', is: 0o777 },
  { path: 'folder', mode: 0o2770, errno: SUCCESS, changed: 'root/folder', is: 0o770 },
  { path: 'folder/', mode: 0, errno: SUCCESS, changed: 'root/folder', is: 0o500 },
  { path: 'link', mode: 0o640, errno: SUCCESS, changed: 'root/folder/file', is: 0o640 },
  { path: 'nothing', mode: 0o600, errno: NOENT, changed: 'root/file', is: 0o644 },
  { path: 'file/', mode: 0o600, errno: NOTDIR, changed: 'root/file', is: 0o644 },
  { path: 'out', mode: 0o600, errno: NOTCAPABLE, changed: 'outside', is: 0o644 },
  { path: '../outside', mode: 0o600, errno: NOTCAPABLE, changed: 'outside', is: 0o644 },
  { path: 'fifo', mode: 0o600, errno: SUCCESS, changed: 'root/fifo', is: 0o600 },
]

for (const { path, mode, errno, changed, is } of CASES) {
  test(`${path}, ${mode.toString(8)}`, async () => {
    const directory = openHostDirectory(join(base, 'root'), { writable: true })
    const probe = await makeProbe({ preopens: [{ guestPath: '/', directory }] })
    expect(await probe.onPath('chmod', 3, path, mode)).toBe(errno)
    expect(statSync(join(base, changed)).mode & 0o7777).toBe(is)
    probe.host.end()
    directory.release()
  })
}

test('read-only folders say so, mounted ones are changed, and in memory as well', async () => {
  const clock = new FakeClock()
  const [fixed, memory] = [
    openHostDirectory(join(base, 'root'), { writable: false }),
    createMemoryDirectory(clock),
  ]
  memory.createDirectory('folder')
  const image = new ImageDirectory(join(base, 'root'), new ImageCache())
  const writable = openHostDirectory(join(base, 'root'), { writable: true })
  const tree = new MountPlan(['/m', '/m/inner/deep']).open([writable, image])
  const probe = await makeProbe({
    preopens: [
      { guestPath: '/', directory: fixed },
      { guestPath: '/tmp', directory: memory },
      { guestPath: '/tree', directory: tree },
    ],
  })
  expect(await probe.onPath('chmod', 5, 'm', 0o750)).toBe(SUCCESS)
  expect(statSync(join(base, 'root')).mode & 0o777).toBe(0o750)
  for (const path of ['.', 'm/inner', 'm/inner/deep', 'm/inner/deep/file']) {
    expect(await probe.onPath('chmod', 5, path, 0o700), path).toBe(ROFS)
  }
  expect(await probe.onPath('chmod', 3, 'file', 0o600)).toBe(ROFS)
  expect(await probe.onPath('chmod', 3, 'folder', 0o600)).toBe(ROFS)
  expect(await probe.onPath('chmod', 4, 'folder', 0o600)).toBe(SUCCESS)
  expect(statSync(join(base, 'root/file')).mode & 0o777).toBe(0o644)
  probe.host.end()
  fixed.release()
  writable.release()
})
