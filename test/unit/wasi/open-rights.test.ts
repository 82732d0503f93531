/** What compilers' libraries ask for when a program opens something, and what it can then do. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Oflags } from '../../../src/wasi/abi.ts'
import { Errno } from '../../../src/wasi/errno.ts'
import type { DirectoryNode } from '../../../src/wasi/filesystem.ts'
import { openHostDirectory } from '../../../src/wasi/host-directory.ts'
import { ImageCache } from '../../../src/wasi/image-cache.ts'
import { ImageDirectory } from '../../../src/wasi/image-directory.ts'
import { createMemoryDirectory } from '../../../src/wasi/memory-directory.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { makeProbe, type Probe } from './probe.ts'

type Mode = 'read' | 'write' | 'read-write' | 'neither'

interface Asked {
  /** Who asks so, and for what. */
  readonly name: string
  readonly mode: Mode
  readonly rights: bigint
  readonly oflags?: number
}

const ALL = 0xfffffffn
const FD_READ = 0x2n
const SEEK_TELL = 0x24n
const FD_WRITE = 0x40n
const CREATE_FILE = 0x400n
const FD_READDIR = 0x4000n
const FILESTAT_GET = 0x200000n
const TRUNCATES = Oflags.Creat | Oflags.Trunc
/** DATASYNC, WRITE, ALLOCATE, FILESTAT_SET_SIZE. */
const LIBC_WRITES = 0x400141n
const LIBC_READS = FD_READ | FD_READDIR
/** The third is not the one above: PATH_FILESTAT_SET_SIZE. */
const GO_WRITES = 0x80141n
/** What Rust asks for in any case. */
const RUST_ALWAYS = 0xfa7bebcn
/** With the two socket rights. */
const EMSCRIPTEN = 0x1fffffffn

const ASKED: readonly Asked[] = [
  // wasi-libc; Swift's Foundation, .NET and TinyGo open by it.
  { name: 'wasi-libc O_RDONLY', mode: 'read', rights: ALL & ~LIBC_WRITES },
  { name: 'wasi-libc O_WRONLY', mode: 'write', rights: ALL & ~LIBC_READS },
  { name: 'wasi-libc O_RDWR', mode: 'read-write', rights: ALL },
  {
    name: 'wasi-libc O_WRONLY | O_TRUNC',
    mode: 'write',
    rights: ALL & ~LIBC_READS,
    oflags: TRUNCATES,
  },
  { name: 'wasi-libc O_SEARCH', mode: 'neither', rights: ALL & ~LIBC_WRITES & ~LIBC_READS },
  { name: 'wasi-libc, all 64 bits', mode: 'read', rights: ~LIBC_WRITES },
  { name: 'Emscripten O_RDONLY', mode: 'read', rights: EMSCRIPTEN & ~LIBC_WRITES },
  { name: 'Emscripten O_RDWR', mode: 'read-write', rights: EMSCRIPTEN },
  { name: 'Go os.Open', mode: 'read', rights: ALL & ~GO_WRITES },
  { name: 'Go O_WRONLY', mode: 'write', rights: ALL & ~LIBC_READS },
  { name: 'Go os.Create', mode: 'read-write', rights: ALL, oflags: TRUNCATES },
  { name: 'Rust File::open', mode: 'read', rights: RUST_ALWAYS | LIBC_READS },
  {
    name: 'Rust File::create',
    mode: 'write',
    rights: RUST_ALWAYS | LIBC_WRITES,
    oflags: TRUNCATES,
  },
  {
    name: 'Rust read and append',
    mode: 'read-write',
    rights: RUST_ALWAYS | LIBC_READS | LIBC_WRITES,
  },
  {
    name: 'AssemblyScript "r"',
    mode: 'read',
    rights: FD_READ | SEEK_TELL | FILESTAT_GET | FD_READDIR,
  },
  {
    name: 'AssemblyScript "r+"',
    mode: 'read-write',
    rights: FD_READ | FD_WRITE | SEEK_TELL | FILESTAT_GET | CREATE_FILE,
  },
  {
    name: 'AssemblyScript "w"',
    mode: 'write',
    rights: FD_WRITE | SEEK_TELL | FILESTAT_GET | CREATE_FILE,
    oflags: TRUNCATES,
  },
  { name: 'FD_READ alone', mode: 'read', rights: FD_READ },
  { name: 'FD_WRITE alone', mode: 'write', rights: FD_WRITE },
  { name: 'no right', mode: 'neither', rights: 0n },
  { name: 'what goes with writing, without it', mode: 'neither', rights: LIBC_WRITES & ~FD_WRITE },
]

let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wasi-rights-'))
  writeFileSync(join(folder, 'file'), 'hello')
  mkdirSync(join(folder, 'dir'))
})

afterEach(() => rmSync(folder, { recursive: true }))

function memory(): DirectoryNode {
  const directory = createMemoryDirectory(new FakeClock())
  const file = directory.createFile('file', { read: true, write: true, truncate: false })
  if (typeof file === 'number' || file.kind !== 'file') throw new Error('no file')
  file.write(Buffer.from('hello'), 0)
  file.close()
  directory.createDirectory('dir')
  return directory
}

const TREES: readonly { name: string; open: () => DirectoryNode; writable: boolean }[] = [
  { name: '/tmp', open: memory, writable: true },
  { name: 'mount', open: () => openHostDirectory(folder, { writable: true }), writable: true },
  {
    name: 'read-only mount',
    open: () => openHostDirectory(folder, { writable: false }),
    writable: false,
  },
  { name: 'root', open: () => new ImageDirectory(folder, new ImageCache()), writable: false },
]

test('Go asks for what the table says', () => {
  expect(ALL & ~GO_WRITES).toBe(0x0ff7feben)
})

for (const tree of TREES) {
  describe(tree.name, () => {
    for (const asked of ASKED) {
      test(`a file, ${asked.name}`, () =>
        withProbe(tree.open(), async (probe) => {
          const { errno, fd } = await open(probe, 'file', asked)
          const changes = asked.mode.endsWith('write') || asked.oflags !== undefined
          if (changes && !tree.writable) {
            expect(errno).toBe(Errno.ROFS)
            return
          }
          expect(errno).toBe(Errno.SUCCESS)
          const text = asked.oflags === undefined ? 'hello' : ''
          expect(await probe.read(fd)).toBe(asked.mode.startsWith('read') ? text : Errno.NOTCAPABLE)
          const writes = asked.mode.endsWith('write')
          expect(await probe.write(fd, 'x')).toBe(writes ? -1 : Errno.NOTCAPABLE)
          const resized = await probe.call('fd_filestat_set_size', fd, 3n)
          const hasSize = writes && (asked.rights & 0x400000n) !== 0n
          expect(resized).toBe(hasSize ? Errno.SUCCESS : Errno.NOTCAPABLE)
        }))

      test(`a directory, ${asked.name}`, () =>
        withProbe(tree.open(), async (probe) => {
          const { errno, fd } = await open(probe, 'dir', asked)
          if (asked.mode.endsWith('write')) {
            expect(errno).toBe(Errno.ISDIR)
            return
          }
          expect(errno).toBe(Errno.SUCCESS)
          const listed = await probe.call('fd_readdir', fd, 1000, 500, 0n, 900)
          const lists = (asked.rights & FD_READDIR) !== 0n
          expect(listed).toBe(lists ? Errno.SUCCESS : Errno.NOTCAPABLE)
        }))
    }
  })
}

async function withProbe(
  directory: DirectoryNode,
  use: (probe: Probe) => Promise<void>,
): Promise<void> {
  directory.retain()
  const probe = await makeProbe({ preopens: [{ guestPath: '/', directory }] })
  await use(probe)
  probe.host.end()
  directory.release()
}

async function open(
  probe: Probe,
  path: string,
  { rights, oflags = 0 }: Asked,
): Promise<{ readonly errno: number; readonly fd: number }> {
  const place = probe.put(50_000, path)
  const errno = await probe.call('path_open', 3, 1, ...place, oflags, rights, rights, 0, 60_000)
  return { errno, fd: probe.u32(60_000) }
}
