/** Whatever a guest passes, a call answers with an errno: it neither throws nor touches the host. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DeviceDirectory } from '../../../src/wasi/device-directory.ts'
import { Errno } from '../../../src/wasi/errno.ts'
import { createMemoryDirectory } from '../../../src/wasi/memory-directory.ts'
import { DEFAULT_MEMORY_LIMITS } from '../../../src/wasi/memory-quota.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { isPending, makeProbe, SIGNATURES } from './probe.ts'

const EDGES = [
  0,
  1,
  2,
  3,
  4,
  5,
  8,
  16,
  1_000,
  65_528,
  65_535,
  65_536,
  2 ** 31 - 1,
  -(2 ** 31),
  -1,
  -8,
]

const anyCall = fc
  .constantFrom(...Object.keys(SIGNATURES).filter((name) => name !== 'proc_exit'))
  .chain((name) => {
    const types = [...(SIGNATURES[name] ?? '')].map((type) =>
      type === 'I'
        ? fc.oneof(
            fc.constantFrom(0n, 1n, -1n, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)),
            fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
          )
        : fc.oneof(fc.constantFrom(...EDGES), fc.integer({ min: 0, max: 7 }), fc.integer()),
    )
    return fc.tuple(fc.constant(name), fc.tuple(...types))
  })

/** What memory holds, so that pointers find lists, paths and lengths that mean something now and then. */
const anyMemory = fc.oneof(
  fc.uint8Array({ minLength: 64, maxLength: 64 }),
  fc.constant(new Uint8Array(64)),
  fc.constant(
    new Uint8Array(
      Buffer.from('dir/../file\0\x01\0\0\0./..//dir\0\x10\0\0\0\x08\0\0\0'.padEnd(64, 'a')),
    ),
  ),
)

test('no arguments make a call throw or answer with anything but an errno', async () => {
  const calls = fc.array(anyCall, { minLength: 1, maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(calls, anyMemory, async (list, memory) => {
      const clock = new FakeClock()
      const limits = { ...DEFAULT_MEMORY_LIMITS, bytes: 100_000 }
      const tmp = createMemoryDirectory(clock, limits)
      const dev = new DeviceDirectory((into) => into.fill(1))
      const preopens = [
        { guestPath: '/tmp', directory: tmp },
        { guestPath: '/dev', directory: dev },
      ]
      const probe = await makeProbe({ clock, preopens })
      for (let at = 0; at < 65_536; at += 64) probe.bytes.set(memory, at)
      const errnos: readonly number[] = Object.values(Errno)
      for (const [name, args] of list) {
        const call = probe.call(name, ...args)
        // A sleep, or a read of what never comes; the session cannot go on.
        if (await isPending(call)) break
        expect(errnos, name).toContain(await call)
      }
      probe.host.end()
      expect(tmp.quota.bytes).toBeLessThanOrEqual(100_000)
    }),
    { numRuns: 1_000 },
  )
})
