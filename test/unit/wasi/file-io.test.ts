import { expect, test } from 'vitest'
import { Fdflags, Filetype, Oflags } from '../../../src/wasi/abi.ts'
import { Errno } from '../../../src/wasi/errno.ts'
import { createMemoryDirectory } from '../../../src/wasi/memory-directory.ts'
import { DEFAULT_MEMORY_LIMITS } from '../../../src/wasi/memory-quota.ts'
import { Right } from '../../../src/wasi/rights.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { makeProbe, type Probe, READ } from './probe.ts'

const DIR = 3
const CREATE = { oflags: Oflags.Creat }

async function makeTmp(): Promise<Probe> {
  const clock = new FakeClock()
  const directory = createMemoryDirectory(clock, { ...DEFAULT_MEMORY_LIMITS, bytes: 100_000 })
  return makeProbe({ clock, preopens: [{ guestPath: '/tmp', directory }] })
}

async function seek(
  probe: Probe,
  fd: number,
  delta: bigint,
  whence: number,
): Promise<bigint | number> {
  const errno = await probe.call('fd_seek', fd, delta, whence, 30_000)
  return errno === 0 ? probe.u64(30_000) : errno
}

test('a preopen shows its name, byte for byte', async () => {
  const directory = createMemoryDirectory(new FakeClock())
  const probe = await makeProbe({ preopens: [{ guestPath: '/\xc3\xa9', directory }] })
  expect(await probe.call('fd_prestat_get', DIR, 1)).toBe(Errno.SUCCESS)
  expect(probe.text(0, 10)).toBe('?\0\0\0\0\x03\0\0\0?')
  expect(await probe.call('fd_prestat_dir_name', DIR, 21, 3)).toBe(Errno.SUCCESS)
  expect(probe.text(20, 5)).toBe('?/\xc3\xa9?')
  expect(await probe.call('fd_prestat_dir_name', DIR, 21, 2)).toBe(Errno.NAMETOOLONG)
  expect(await probe.call('fd_prestat_dir_name', DIR, 65_534, 3)).toBe(Errno.FAULT)
  expect(await probe.call('fd_prestat_get', DIR, 65_529)).toBe(Errno.FAULT)
  expect(await probe.call('fd_prestat_get', 0, 0)).toBe(Errno.BADF)
  expect(await probe.call('fd_prestat_get', 4, 0)).toBe(Errno.BADF)
})

test('what was written can be read, at the offset or elsewhere', async () => {
  const probe = await makeTmp()
  const { fd, errno } = await probe.open(DIR, 'file', CREATE)
  expect(errno).toBe(Errno.SUCCESS)
  expect(fd).toBe(4)
  expect(await probe.write(fd, 'hello')).toBe(-5)
  expect(await probe.call('fd_tell', fd, 0)).toBe(Errno.SUCCESS)
  expect(probe.u64(0)).toBe(5n)
  expect(await probe.read(fd)).toBe('')
  expect(await seek(probe, fd, -3n, 2)).toBe(2n)
  expect(await probe.read(fd)).toBe('llo')
  probe.wipe()
  expect(await probe.call('fd_pread', fd, ...probe.iovecs(0, 101, 2, 111, 2), 1n, 50)).toBe(0)
  expect(probe.text(100, 4)).toBe('?el?')
  expect(probe.text(110, 4)).toBe('?lo?')
  const list = probe.iovecs(0, ...probe.put(100, 'EY'))
  expect(await probe.call('fd_pwrite', fd, ...list, 1n, 50)).toBe(0)
  expect(await seek(probe, fd, 0n, 1)).toBe(5n)
  expect(await seek(probe, fd, 0n, 0)).toBe(0n)
  expect(await probe.read(fd)).toBe('hEYlo')
})

test('a hole reads as zeros', async () => {
  const probe = await makeTmp()
  const { fd } = await probe.open(DIR, 'file', CREATE)
  await seek(probe, fd, 3n, 0)
  await probe.write(fd, 'x')
  await seek(probe, fd, 0n, 0)
  expect(await probe.read(fd)).toBe('\0\0\0x')
})

test('bytes cut off do not come back', async () => {
  const probe = await makeTmp()
  const { fd } = await probe.open(DIR, 'file', CREATE)
  await probe.write(fd, 'secret')
  expect(await probe.call('fd_filestat_set_size', fd, 1n)).toBe(Errno.SUCCESS)
  expect(await probe.call('fd_filestat_set_size', fd, 4n)).toBe(Errno.SUCCESS)
  await seek(probe, fd, 0n, 0)
  expect(await probe.read(fd)).toBe('s\0\0\0')
})

test('APPEND writes at the end, until it is switched off', async () => {
  const probe = await makeTmp()
  const { fd } = await probe.open(DIR, 'file', { ...CREATE, fdflags: Fdflags.Append })
  await probe.write(fd, 'abc')
  await seek(probe, fd, 0n, 0)
  await probe.write(fd, 'def')
  expect(await seek(probe, fd, 0n, 1)).toBe(6n)
  expect(await probe.call('fd_fdstat_set_flags', fd, 0)).toBe(Errno.SUCCESS)
  await seek(probe, fd, 0n, 0)
  await probe.write(fd, 'X')
  await seek(probe, fd, 0n, 0)
  expect(await probe.read(fd)).toBe('Xbcdef')
})

const BEYOND = 2n ** 53n
const SEEKS = [
  { name: 'before the start', delta: -1n, whence: 0, result: Errno.INVAL },
  { name: 'an unknown whence', delta: 0n, whence: 3, result: Errno.INVAL },
  { name: 'a negative whence', delta: 0n, whence: -1, result: Errno.INVAL },
  { name: 'the last offset there is', delta: BEYOND - 1n, whence: 0, result: BEYOND - 1n },
  { name: 'an offset beyond 2^53', delta: BEYOND, whence: 0, result: Errno.OVERFLOW },
  { name: 'the largest of all', delta: 2n ** 63n - 1n, whence: 0, result: Errno.OVERFLOW },
  { name: 'the smallest of all', delta: -(2n ** 63n), whence: 2, result: Errno.INVAL },
]

for (const { name, delta, whence, result } of SEEKS) {
  test(`seeking to ${name}`, async () => {
    const probe = await makeTmp()
    const { fd } = await probe.open(DIR, 'file', CREATE)
    expect(await seek(probe, fd, delta, whence)).toBe(result)
    if (typeof result === 'number') expect(await seek(probe, fd, 0n, 1)).toBe(0n)
  })
}

test('offsets and sizes beyond 2^53 are out of reach, not wrapped', async () => {
  const probe = await makeTmp()
  const { fd } = await probe.open(DIR, 'file', CREATE)
  const list = probe.iovecs(0, ...probe.put(100, 'ab'))
  for (const offset of [BEYOND, 2n ** 63n, -1n]) {
    expect(await probe.call('fd_pread', fd, ...list, offset, 50)).toBe(Errno.SUCCESS)
    expect(probe.u32(50)).toBe(0)
    expect(await probe.call('fd_pwrite', fd, ...list, offset, 50)).toBe(Errno.FBIG)
    expect(await probe.call('fd_filestat_set_size', fd, offset)).toBe(Errno.FBIG)
    expect(await probe.call('fd_allocate', fd, offset, 1n)).toBe(Errno.FBIG)
  }
  expect(await probe.call('fd_pwrite', fd, ...list, BEYOND - 1n, 50)).toBe(Errno.FBIG)
  expect(await probe.call('fd_pwrite', fd, ...list, BEYOND - 3n, 50)).toBe(Errno.NOSPC)
  await seek(probe, fd, BEYOND - 1n, 0)
  expect(await probe.write(fd, 'xy')).toBe(Errno.FBIG)
  expect(await probe.read(fd)).toBe('')
})

test('fd_allocate makes room and never shrinks', async () => {
  const probe = await makeTmp()
  const { fd } = await probe.open(DIR, 'file', CREATE)
  expect(await probe.call('fd_allocate', fd, 10n, 0n)).toBe(Errno.INVAL)
  expect(await probe.call('fd_allocate', fd, 10n, 5n)).toBe(Errno.SUCCESS)
  expect(await probe.call('fd_allocate', fd, 0n, 5n)).toBe(Errno.SUCCESS)
  expect(await seek(probe, fd, 0n, 2)).toBe(15n)
})

test('fd_advise checks what it is told and does nothing', async () => {
  const probe = await makeTmp()
  const { fd } = await probe.open(DIR, 'file', CREATE)
  expect(await probe.call('fd_advise', fd, 0n, 10n, 5)).toBe(Errno.SUCCESS)
  expect(await probe.call('fd_advise', fd, 0n, 10n, 6)).toBe(Errno.INVAL)
  expect(await probe.call('fd_advise', fd, -1n, 1n, 0)).toBe(Errno.INVAL)
  expect(await probe.call('fd_advise', 0, 0n, 0n, 0)).toBe(Errno.SPIPE)
})

test.each(['fd_sync', 'fd_datasync'])('%s: files and directories, and no streams', async (call) => {
  const probe = await makeTmp()
  const { fd } = await probe.open(DIR, 'file', CREATE)
  const answers = [fd, DIR, 0, 1, 2].map((each) => probe.call(call, each))
  const [done, wrong] = [Errno.SUCCESS, Errno.INVAL]
  expect(await Promise.all(answers)).toEqual([done, done, wrong, wrong, wrong])
})

/** Calls on a file opened with these rights only, all of which need another. */
const DENIED: { rights: number; name: string; args: (number | bigint)[] }[] = [
  { rights: Right.FdWrite, name: 'fd_read', args: [0, 0, 0] },
  { rights: Right.FdWrite | Right.FdSeek, name: 'fd_pread', args: [0, 0, 0n, 0] },
  { rights: Right.FdRead, name: 'fd_pread', args: [0, 0, 0n, 0] },
  { rights: Right.FdRead, name: 'fd_write', args: [0, 0, 0] },
  { rights: Right.FdRead | Right.FdSeek, name: 'fd_pwrite', args: [0, 0, 0n, 0] },
  { rights: Right.FdWrite, name: 'fd_pwrite', args: [0, 0, 0n, 0] },
  { rights: Right.FdTell, name: 'fd_seek', args: [1n, 0, 0] },
  { rights: Right.FdRead, name: 'fd_tell', args: [0] },
  { rights: Right.FdRead, name: 'fd_sync', args: [] },
  { rights: Right.FdRead, name: 'fd_datasync', args: [] },
  { rights: Right.FdRead, name: 'fd_advise', args: [0n, 0n, 0] },
  { rights: Right.FdRead, name: 'fd_allocate', args: [0n, 1n] },
  { rights: Right.FdRead, name: 'fd_filestat_get', args: [0] },
  { rights: Right.FdRead, name: 'fd_filestat_set_size', args: [0n] },
  { rights: Right.FdRead, name: 'fd_filestat_set_times', args: [0n, 0n, 0] },
  { rights: Right.FdRead, name: 'fd_fdstat_set_flags', args: [0] },
]

for (const { rights, name, args } of DENIED) {
  test(`${name} without its right (of ${rights.toString(2)}) is NOTCAPABLE`, async () => {
    const probe = await makeTmp()
    const { fd } = await probe.open(DIR, 'file', { ...CREATE, rights })
    expect(await probe.call(name, fd, ...args)).toBe(Errno.NOTCAPABLE)
    expect(await probe.call(name, 77, ...args)).toBe(Errno.BADF)
  })
}

test('rights can be given up but not gained', async () => {
  const probe = await makeTmp()
  const { fd } = await probe.open(DIR, 'file', {
    ...CREATE,
    rights: READ | Right.FdSeek,
    inheriting: 0,
  })
  expect(await probe.call('fd_fdstat_set_rights', fd, BigInt(READ), 0n)).toBe(Errno.SUCCESS)
  expect(await probe.call('fd_fdstat_get', fd, 1)).toBe(Errno.SUCCESS)
  expect(probe.text(0, 26)).toBe(`?\x04\0\0\0\0\0\0\0\x02${'\0'.repeat(15)}?`)
  const more = BigInt(READ | Right.FdSeek)
  expect(await probe.call('fd_fdstat_set_rights', fd, more, 0n)).toBe(Errno.NOTCAPABLE)
  expect(await probe.call('fd_fdstat_set_rights', fd, 0n, 1n)).toBe(Errno.NOTCAPABLE)
  expect(await probe.call('fd_fdstat_set_rights', fd, 1n << 63n, 0n)).toBe(Errno.NOTCAPABLE)
})

test('a filestat is 64 bytes, and times can be set', async () => {
  const probe = await makeTmp()
  const { fd } = await probe.open(DIR, 'file', CREATE)
  await probe.write(fd, 'hello')
  expect(await probe.call('fd_filestat_set_times', fd, 0n, 2n ** 63n, 4)).toBe(Errno.SUCCESS)
  probe.wipe()
  expect(await probe.call('fd_filestat_get', fd, 1)).toBe(Errno.SUCCESS)
  expect(probe.bytes[0]).toBe(0x3f)
  expect(probe.u64(17)).toBe(BigInt(Filetype.RegularFile))
  expect(probe.u64(25)).toBe(1n)
  expect(probe.u64(33)).toBe(5n)
  expect(probe.u64(41)).toBe(1_700_001_000_000_000_000n)
  expect(probe.u64(49)).toBe(2n ** 63n)
  expect(probe.bytes[65]).toBe(0x3f)
  expect(await probe.call('fd_filestat_get', fd, 65_473)).toBe(Errno.FAULT)
  for (const flags of [3, 12, 16]) {
    expect(await probe.call('fd_filestat_set_times', fd, 0n, 0n, flags)).toBe(Errno.INVAL)
  }
})

test('unknown descriptor flags are INVAL', async () => {
  const probe = await makeTmp()
  expect(await probe.call('fd_fdstat_set_flags', 1, 32)).toBe(Errno.INVAL)
})

test('renumbering moves a descriptor over another', async () => {
  const probe = await makeTmp()
  const one = await probe.open(DIR, 'one', CREATE)
  const two = await probe.open(DIR, 'two', CREATE)
  await probe.write(one.fd, 'one')
  expect(await probe.call('fd_renumber', one.fd, two.fd)).toBe(Errno.SUCCESS)
  expect(await probe.call('fd_tell', one.fd, 0)).toBe(Errno.BADF)
  expect(await seek(probe, two.fd, 0n, 1)).toBe(3n)
  expect(await probe.call('fd_renumber', two.fd, 99)).toBe(Errno.BADF)
  expect(await probe.call('fd_renumber', 99, two.fd)).toBe(Errno.BADF)
  expect(await probe.call('fd_renumber', two.fd, two.fd)).toBe(Errno.SUCCESS)
  expect((await probe.open(DIR, 'three', CREATE)).fd).toBe(one.fd)
})
