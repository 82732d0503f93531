import { expect, test } from 'vitest'
import { Fdflags, Filetype } from '../../../src/wasi/abi.ts'
import { Errno } from '../../../src/wasi/errno.ts'
import { Right } from '../../../src/wasi/rights.ts'
import { DEFAULT_WASI_LIMITS } from '../../../src/wasi/session.ts'
import { FakeSink, FakeSource, isPending, makeProbe } from './probe.ts'

test('a read scatters what has arrived over its buffers', async () => {
  const probe = await makeProbe({ stdin: new FakeSource().push('abcdef').end() })
  const list = probe.iovecs(0, 101, 2, 0, 0, 111, 3)
  expect(await probe.call('fd_read', 0, ...list, 50)).toBe(Errno.SUCCESS)
  expect(probe.u32(50)).toBe(5)
  expect(probe.text(100, 4)).toBe('?ab?')
  expect(probe.text(110, 5)).toBe('?cde?')
  expect(await probe.read(0)).toBe('f')
  expect(await probe.read(0)).toBe('')
})

test('a read of no bytes does not wait', async () => {
  const probe = await makeProbe({ stdin: new FakeSource() })
  expect(await probe.call('fd_read', 0, 0, 0, 50)).toBe(Errno.SUCCESS)
  expect(probe.u32(50)).toBe(0)
})

test('a read waits for bytes, and for no more than some', async () => {
  const stdin = new FakeSource()
  const probe = await makeProbe({ stdin })
  const read = probe.read(0)
  expect(await isPending(read)).toBe(true)
  stdin.push('x')
  expect(await read).toBe('x')
})

test('a read waiting when the stream ends reads nothing', async () => {
  const stdin = new FakeSource()
  const probe = await makeProbe({ stdin })
  const read = probe.read(0)
  expect(await isPending(read)).toBe(true)
  stdin.end()
  expect(await read).toBe('')
})

test('with NONBLOCK neither reads nor writes wait', async () => {
  const stdout = new FakeSink(3)
  const probe = await makeProbe({ stdin: new FakeSource(), stdout })
  expect(await probe.call('fd_fdstat_set_flags', 0, Fdflags.Nonblock)).toBe(Errno.SUCCESS)
  expect(await probe.call('fd_fdstat_set_flags', 1, Fdflags.Nonblock)).toBe(Errno.SUCCESS)
  expect(await probe.read(0)).toBe(Errno.AGAIN)
  expect(await probe.write(1, 'abcde')).toBe(-3)
  expect(await probe.write(1, 'de')).toBe(Errno.AGAIN)
})

test('a write gathers its buffers and waits until all is taken', async () => {
  const stdout = new FakeSink(4)
  const probe = await makeProbe({ stdout })
  probe.put(100, 'abc')
  probe.put(200, 'defgh')
  const write = probe.call('fd_write', 1, ...probe.iovecs(0, 100, 3, 200, 5), 50)
  expect(await isPending(write)).toBe(true)
  expect(stdout.text).toBe('abcd')
  stdout.makeRoom(2)
  expect(await isPending(write)).toBe(true)
  expect(stdout.text).toBe('abcdef')
  stdout.makeRoom(9)
  expect(await write).toBe(Errno.SUCCESS)
  expect(stdout.text).toBe('abcdefgh')
  expect(probe.u32(50)).toBe(8)
})

test('one write moves at most limits.transferBytes', async () => {
  const limits = { ...DEFAULT_WASI_LIMITS, transferBytes: 4 }
  const stdout = new FakeSink()
  const probe = await makeProbe({ stdout, limits })
  expect(await probe.write(1, 'abcdef')).toBe(-4)
  expect(stdout.text).toBe('abcd')
})

test('buffers that overlap are read as often as they are named', async () => {
  const stdout = new FakeSink()
  const probe = await makeProbe({ stdout })
  probe.put(100, 'abc')
  expect(await probe.call('fd_write', 1, ...probe.iovecs(0, 100, 3, 101, 2, 100, 1), 50)).toBe(0)
  expect(stdout.text).toBe('abcbca')
})

const LAST = 65_535
const BAD_LISTS = [
  { name: 'a list outside memory', iovs: 65_529, count: 1, errno: Errno.FAULT },
  { name: 'a list at the very end', iovs: 65_536, count: 1, errno: Errno.FAULT },
  { name: 'a negative list', iovs: -8, count: 1, errno: Errno.FAULT },
  { name: 'a count that overflows', iovs: 0, count: -1, errno: Errno.INVAL },
  { name: 'more buffers than the limit', iovs: 0, count: 1_025, errno: Errno.INVAL },
]

for (const { name, iovs, count, errno } of BAD_LISTS) {
  for (const call of ['fd_read', 'fd_write']) {
    test(`${call}: ${name}`, async () => {
      const stdin = new FakeSource().push('kept')
      const probe = await makeProbe({ stdin })
      expect(await probe.call(call, call === 'fd_read' ? 0 : 1, iovs, count, 50)).toBe(errno)
      expect(probe.bytes.every((byte) => byte === 0x3f)).toBe(true)
      expect(await probe.read(0)).toBe('kept')
    })
  }
}

const BAD_BUFFERS = [
  { name: 'a byte too many', pairs: [LAST, 2] },
  { name: 'outside memory', pairs: [-1, 1] },
  { name: 'a length that overflows', pairs: [1, -1] },
  { name: 'the second of two', pairs: [0, 1, LAST, 2] },
]

for (const { name, pairs } of BAD_BUFFERS) {
  for (const call of ['fd_read', 'fd_write']) {
    test(`${call}: a bad buffer (${name}) is FAULT before anything moves`, async () => {
      const stdin = new FakeSource().push('kept')
      const stdout = new FakeSink()
      const probe = await makeProbe({ stdin, stdout })
      const list = probe.iovecs(1_000, ...pairs)
      expect(await probe.call(call, call === 'fd_read' ? 0 : 1, ...list, 50)).toBe(Errno.FAULT)
      expect(stdout.text).toBe('')
      expect(await probe.read(0)).toBe('kept')
    })
  }
}

test('a result outside memory is FAULT before anything moves', async () => {
  const stdin = new FakeSource().push('kept')
  const stdout = new FakeSink()
  const probe = await makeProbe({ stdin, stdout })
  expect(await probe.call('fd_read', 0, ...probe.iovecs(0, 100, 4), 65_533)).toBe(Errno.FAULT)
  expect(await probe.call('fd_write', 1, ...probe.iovecs(0, 100, 4), -1)).toBe(Errno.FAULT)
  expect(stdout.text).toBe('')
  expect(await probe.read(0)).toBe('kept')
})

test('streams go one way only, and cannot seek', async () => {
  const probe = await makeProbe()
  expect(await probe.read(1)).toBe(Errno.NOTCAPABLE)
  expect(await probe.write(0, 'x')).toBe(Errno.NOTCAPABLE)
  expect(await probe.read(9)).toBe(Errno.BADF)
  expect(await probe.call('fd_seek', 1, 0n, 0, 0)).toBe(Errno.SPIPE)
  expect(await probe.call('fd_tell', 1, 0)).toBe(Errno.SPIPE)
  expect(await probe.call('fd_pread', 0, 0, 0, 0n, 0)).toBe(Errno.SPIPE)
  expect(await probe.call('fd_pwrite', 1, 0, 0, 0n, 0)).toBe(Errno.SPIPE)
})

test('a stream is a character device, and a terminal only if it is one', async () => {
  const seeks = Right.FdSeek | Right.FdTell
  for (const terminals of [undefined, [true, true, true] as const]) {
    const probe = await makeProbe(terminals === undefined ? {} : { terminals })
    for (const fd of [0, 1, 2]) {
      expect(await probe.call('fd_fdstat_get', fd, 0)).toBe(Errno.SUCCESS)
      expect(probe.bytes[0]).toBe(Filetype.CharacterDevice)
      // What C libraries take for a terminal: a character device that can neither seek nor tell.
      expect((probe.u32(8) & seeks) === 0).toBe(terminals !== undefined)
      expect(await probe.call('fd_filestat_get', fd, 0)).toBe(Errno.SUCCESS)
      expect(probe.bytes[16]).toBe(Filetype.CharacterDevice)
    }
  }
})

test('closing a stream leaves it to its owner', async () => {
  const stdout = new FakeSink()
  const probe = await makeProbe({ stdout })
  expect(await probe.call('fd_close', 1)).toBe(Errno.SUCCESS)
  expect(await probe.call('fd_close', 1)).toBe(Errno.BADF)
  expect(await probe.write(1, 'x')).toBe(Errno.BADF)
  expect(stdout.text).toBe('')
})
