/** Calls for the contents of a file, on the descriptor of a folder, compared with what the kernel answers. */
import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readSync,
  rmdirSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemCodeOf } from '../../../src/base/errors.ts'
import { Errno } from '../../../src/wasi/errno.ts'
import type { DirectoryNode } from '../../../src/wasi/filesystem.ts'
import { openHostDirectory } from '../../../src/wasi/host-directory.ts'
import { createMemoryDirectory } from '../../../src/wasi/memory-directory.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { makeProbe, type Probe } from './probe.ts'

const DIR = 3
const BYTES = Buffer.alloc(1)

interface Call {
  readonly name: string
  readonly args: readonly (number | bigint)[]
  readonly wanted: keyof typeof Errno
  /** The same by the kernel, where Node has the call. */
  readonly native?: (fd: number) => unknown
}

const CALLS: readonly Call[] = [
  { name: 'fd_read', args: [0, 0, 0], wanted: 'ISDIR', native: (fd) => readSync(fd, BYTES) },
  {
    name: 'fd_pread',
    args: [0, 0, 0n, 0],
    wanted: 'ISDIR',
    native: (fd) => readSync(fd, BYTES, { position: 0 }),
  },
  { name: 'fd_write', args: [0, 0, 0], wanted: 'BADF', native: (fd) => writeSync(fd, BYTES) },
  {
    name: 'fd_pwrite',
    args: [0, 0, 0n, 0],
    wanted: 'BADF',
    native: (fd) => writeSync(fd, BYTES, 0, 1, 0),
  },
  {
    name: 'fd_filestat_set_size',
    args: [0n],
    wanted: 'INVAL',
    native: (fd) => ftruncateSync(fd, 0),
  },
  // fallocate(2): EBADF, not opened for writing.
  { name: 'fd_allocate', args: [0n, 1n], wanted: 'BADF' },
  // Linux answers with a place in the listing, for which preview 1 has the cookies of fd_readdir; C libraries make ESPIPE of this.
  { name: 'fd_seek', args: [0n, 0, 0], wanted: 'NOTCAPABLE' },
  { name: 'fd_tell', args: [0], wanted: 'NOTCAPABLE' },
]

const FOLDERS: ReadonlyArray<readonly [string, (path: string) => DirectoryNode]> = [
  ['in memory', () => createMemoryDirectory(new FakeClock())],
  ['on the disk', (path) => openHostDirectory(path, { writable: true })],
  ['on the disk, read-only', (path) => openHostDirectory(path, { writable: false })],
]

let path = ''
beforeAll(() => {
  path = mkdtempSync(join(tmpdir(), 'directory-io-'))
})
afterAll(() => rmdirSync(path))

describe.each(FOLDERS)('of a folder %s', (_, open) => {
  test.each(CALLS)('$name is $wanted', async ({ name, args, wanted, native }) => {
    const probe: Probe = await makeProbe({
      preopens: [{ guestPath: '/d', directory: open(path) }],
    })
    expect(await probe.call(name, DIR, ...args)).toBe(Errno[wanted])
    if (native !== undefined) expect(nativeCode(native)).toBe(`E${wanted}`)
  })
})

function nativeCode(call: (fd: number) => unknown): string {
  const fd = openSync(path, 'r')
  try {
    call(fd)
    return 'none'
  } catch (error) {
    return systemCodeOf(error)
  } finally {
    closeSync(fd)
  }
}
