import { expect, test } from 'vitest'
import { DeviceDirectory } from '../../../src/wasi/device-directory.ts'
import { Errno } from '../../../src/wasi/errno.ts'
import { entriesOf } from './entries.ts'
import { FakeSink, FakeSource, makeProbe, type Probe } from './probe.ts'

const directory = new DeviceDirectory((into) => into.fill(0x72))

async function makeDev(stdout = new FakeSink()): Promise<Probe> {
  const stdin = new FakeSource().push('input').end()
  return makeProbe({ stdin, stdout, preopens: [{ guestPath: '/dev', directory }] })
}

const DEVICES = [
  { name: 'null', read: '', write: -4 },
  { name: 'zero', read: '\0'.repeat(1_000), write: -4 },
  { name: 'full', read: '\0'.repeat(1_000), write: Errno.NOSPC },
  { name: 'random', read: 'r'.repeat(1_000), write: -4 },
  { name: 'urandom', read: 'r'.repeat(1_000), write: -4 },
]

for (const { name, read, write } of DEVICES) {
  test(`/dev/${name}`, async () => {
    const probe = await makeDev()
    const { fd } = await probe.open(3, name)
    expect(await probe.read(fd)).toBe(read)
    expect(await probe.write(fd, 'text')).toBe(write)
    expect(await probe.call('fd_filestat_set_size', fd, 0n)).toBe(Errno.INVAL)
    expect(await probe.call('fd_allocate', fd, 0n, 1n)).toBe(Errno.NODEV)
    expect(await probe.call('fd_sync', fd)).toBe(Errno.SUCCESS)
    await probe.call('fd_fdstat_get', fd, 0)
    expect(probe.bytes[0]).toBe(2)
  })
}

test('the streams are those of the session, wherever its descriptors went', async () => {
  const stdout = new FakeSink()
  const probe = await makeDev(stdout)
  await probe.call('fd_close', 1)
  const out = await probe.open(3, 'stdout')
  expect(await probe.write(out.fd, 'text')).toBe(-4)
  expect(stdout.text).toBe('text')
  expect(await probe.read(out.fd)).toBe(Errno.NOTCAPABLE)
  const input = await probe.open(3, 'stdin')
  expect(await probe.read(input.fd)).toBe('input')
  expect(await probe.read(0)).toBe('')
})

test('nothing else is there, and nothing can be put there', async () => {
  const probe = await makeDev()
  expect((await probe.open(3, 'sda')).errno).toBe(Errno.NOENT)
  expect((await probe.open(3, 'sda', { oflags: 1 })).errno).toBe(Errno.ROFS)
  expect(await probe.onPath('path_unlink_file', 3, 'null')).toBe(Errno.ROFS)
  expect(await probe.onPath('path_create_directory', 3, 'x')).toBe(Errno.ROFS)
  expect(entriesOf(directory)).toHaveLength(8)
  for (const { name } of entriesOf(directory)) expect(directory.inodeOf(name)).not.toBe(0n)
})
