import { expect, test } from 'vitest'
import type { TextBlock } from '../../../src/base/text-block.ts'
import { Errno } from '../../../src/wasi/errno.ts'
import { DEFAULT_WASI_LIMITS } from '../../../src/wasi/session.ts'
import { makeProbe } from './probe.ts'

const ARGS = ['a', 'bc', '']
const ENV = ['K=V', Uint8Array.of(0x58, 0x3d, 0xff), '\u00e9=1']

test('arguments are laid out as pointers and NUL-terminated strings', async () => {
  const probe = await makeProbe({ args: ARGS })
  expect(await probe.call('args_sizes_get', 1, 9)).toBe(Errno.SUCCESS)
  expect(probe.text(0, 14)).toBe('?\x03\0\0\0????\x06\0\0\0?')
  expect(await probe.call('args_get', 17, 33)).toBe(Errno.SUCCESS)
  expect(probe.text(16, 14)).toBe('?\x21\0\0\0\x23\0\0\0\x26\0\0\0?')
  expect(probe.text(32, 8)).toBe('?a\0bc\0\0?')
})

test('the environment is laid out the same way, byte for byte', async () => {
  const probe = await makeProbe({ env: ENV })
  expect(await probe.call('environ_sizes_get', 0, 4)).toBe(Errno.SUCCESS)
  expect(probe.text(0, 9)).toBe('\x03\0\0\0\x0c\0\0\0?')
  expect(await probe.call('environ_get', 16, 64)).toBe(Errno.SUCCESS)
  expect(probe.text(63, 14)).toBe('?K=V\0X=\xff\0\xe9=1\0?')
})

test('guests that ask in turns get each its own, however often, and of one that knows its bytes these', async () => {
  let puts = 0
  const putEnv = (into: TextBlock): void => {
    puts += 1
    into.putText(Buffer.from('L='), 'longer than the others')
  }
  const probes = await Promise.all([
    makeProbe({ env: ['A=1'], args: ['a'] }),
    makeProbe({ env: ['not asked for'], putEnv }),
    makeProbe({ env: ['B=22', 'C='] }),
  ])
  const wanted = ['A=1\0', 'L=longer than the others\0', 'B=22\0C=\0']
  for (const first of [0, 1, 2]) {
    for (const second of [0, 1, 2]) {
      for (const index of [first, second, first]) {
        expect(await probes[index]?.call('environ_sizes_get', 0, 4)).toBe(Errno.SUCCESS)
        expect(probes[index]?.u32(4)).toBe(wanted[index]?.length)
      }
      for (const index of [first, second]) {
        expect(await probes[index]?.call('environ_get', 16, 64)).toBe(Errno.SUCCESS)
        expect(probes[index]?.text(64, wanted[index]?.length ?? 0)).toBe(wanted[index])
      }
      await probes[0]?.call('args_get', 16, 64)
      expect(probes[0]?.text(64, 2)).toBe('a\0')
    }
  }
  puts = 0
  await probes[1]?.call('environ_sizes_get', 0, 4)
  await probes[1]?.call('environ_get', 16, 64)
  expect(puts).toBe(1)
})

test('nothing granted, nothing there', async () => {
  const probe = await makeProbe()
  expect(await probe.call('environ_sizes_get', 0, 4)).toBe(Errno.SUCCESS)
  expect(probe.text(0, 9)).toBe('\0\0\0\0\0\0\0\0?')
  expect(await probe.call('environ_get', 65_536, 65_536)).toBe(Errno.SUCCESS)
})

const FAULTS: [name: string, ...args: (number | bigint)[]][] = [
  ['args_sizes_get', 65_533, 0],
  ['args_sizes_get', 0, 65_533],
  ['args_sizes_get', -4, 0],
  ['args_get', 65_525, 0],
  ['args_get', 0, 65_531],
  ['args_get', 0, -1],
  ['environ_sizes_get', 65_533, 0],
  ['environ_get', 0, -1],
  ['clock_res_get', 0, 65_529],
  ['clock_time_get', 0, 0n, -8],
  ['random_get', 65_535, 2],
  ['random_get', -1, 1],
  ['random_get', 0, -1],
]

for (const [name, ...args] of FAULTS) {
  test(`${name}(${args.join(', ')}) is FAULT and writes nothing`, async () => {
    const probe = await makeProbe({ args: ARGS, env: ENV })
    expect(await probe.call(name, ...args)).toBe(Errno.FAULT)
    expect(probe.bytes.every((byte) => byte === 0x3f)).toBe(true)
  })
}

test('the clocks tell what the granted clock tells, and what the guest itself has used', async () => {
  const probe = await makeProbe()
  probe.host.processorTime = () => ({ usedMs: 0.000042, limitMs: 1 })
  const times = [1_700_001_000_000_000_000n, 1_000_000_000_000n, 42n, 42n]
  for (const [clock, time] of times.entries()) {
    expect(await probe.call('clock_time_get', clock, 0n, 1)).toBe(Errno.SUCCESS)
    expect(probe.u64(1)).toBe(time)
    expect(await probe.call('clock_res_get', clock, 1)).toBe(Errno.SUCCESS)
    expect(probe.u64(1)).toBe(1000n)
  }
  expect(probe.bytes[0]).toBe(0x3f)
  expect(probe.bytes[9]).toBe(0x3f)
})

test('there is no fifth clock', async () => {
  const probe = await makeProbe()
  for (const clock of [4, -1]) {
    expect(await probe.call('clock_time_get', clock, 0n, 0)).toBe(Errno.INVAL)
    expect(await probe.call('clock_res_get', clock, 0)).toBe(Errno.INVAL)
  }
})

test('random_get fills exactly the buffer', async () => {
  const probe = await makeProbe()
  expect(await probe.call('random_get', 3, 2)).toBe(Errno.SUCCESS)
  expect(probe.text(0, 6)).toBe('???\x07\x07?')
})

test('random_get asks for 65,536 bytes at a time and has a limit', async () => {
  const asked: number[] = []
  const limits = { ...DEFAULT_WASI_LIMITS, randomBytes: 70_000 }
  const probe = await makeProbe({ random: (into) => asked.push(into.length), limits })
  await probe.call('grow')
  expect(await probe.call('random_get', 0, 70_000)).toBe(Errno.SUCCESS)
  expect(asked).toEqual([65_536, 4_464])
  expect(await probe.call('random_get', 0, 70_001)).toBe(Errno.INVAL)
})

test('signals and sockets are refused', async () => {
  const probe = await makeProbe()
  expect(await probe.call('proc_raise', 9)).toBe(Errno.NOSYS)
  expect(await probe.call('sock_shutdown', 1, 0)).toBe(Errno.NOTSOCK)
  expect(await probe.call('sock_accept', 1, 0, 0)).toBe(Errno.NOTSOCK)
  expect(await probe.call('sock_recv', 1, 0, 0, 0, 0, 0)).toBe(Errno.NOTSOCK)
  expect(await probe.call('sock_send', 1, 0, 0, 0, 0)).toBe(Errno.NOTSOCK)
  expect(await probe.call('sock_send', 9, 0, 0, 0, 0)).toBe(Errno.BADF)
})
