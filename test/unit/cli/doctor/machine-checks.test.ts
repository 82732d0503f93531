import { expect, test } from 'vitest'
import { checkMachine } from '../../../../src/cli/doctor/machine-checks.ts'
import {
  type MachineFacts,
  readMachineFacts,
  softLimit,
} from '../../../../src/cli/doctor/machine-facts.ts'

const GIB = 1024 ** 3

const GOOD: MachineFacts = {
  platform: 'linux',
  nodeVersion: '26.10.0',
  hasJspi: true,
  hasFfi: true,
  kernelRelease: '6.18.44-generic',
  addressSpaceBytes: Number.POSITIVE_INFINITY,
  openFiles: 65_536,
  maxMapCount: 65_530,
  hasWasmTools: true,
  overcommitMemory: 0,
}

test('a good machine', () => {
  const checks = checkMachine(GOOD, 10_000)
  expect(checks.map(({ status }) => status)).toEqual(Array.from({ length: 9 }, () => 'ok'))
  expect(checks.every(({ advice }) => advice === '')).toBe(true)
})

const CASES: ReadonlyArray<
  readonly [change: Partial<MachineFacts>, found: string, advice: string]
> = [
  [{ nodeVersion: '24.1.0' }, 'fail Node.js', 'Node 26'],
  [{ hasJspi: false }, 'fail stack switching (JSPI)', 'without --no-experimental-wasm-jspi'],
  [{ addressSpaceBytes: 40 * GIB }, 'fail address space (ulimit -v)', 'LimitAS=infinity'],
  [{ addressSpaceBytes: 1000 * GIB }, 'warn address space (ulimit -v)', 'LimitAS=infinity'],
  [{ addressSpaceBytes: undefined }, 'warn address space (ulimit -v)', 'procfs'],
  [{ maxMapCount: 1000 }, 'fail vm.max_map_count', 'vm.max_map_count=51000'],
  [{ maxMapCount: 50_999 }, 'warn vm.max_map_count', 'vm.max_map_count=51000'],
  [{ openFiles: 128 }, 'fail open files (ulimit -n)', 'LimitNOFILE'],
  [{ openFiles: 1024 }, 'warn open files (ulimit -n)', 'LimitNOFILE'],
  [{ overcommitMemory: 2 }, 'warn vm.overcommit_memory', '0 or 1'],
  [{ hasFfi: false }, 'warn node:ffi', 'official build'],
  [{ kernelRelease: '6.1.0-13-amd64' }, 'warn kernel', '6.7'],
  [{ kernelRelease: '5.15.0' }, 'warn kernel', '6.7'],
  [{ platform: 'darwin', kernelRelease: '23.0.0' }, 'warn kernel', 'Linux in production'],
]
for (const [change, found, advice] of CASES) {
  test(`${JSON.stringify(change)}: ${found}`, () => {
    const bad = checkMachine({ ...GOOD, ...change }, 10_000).filter(({ status }) => status !== 'ok')
    expect(bad.map(({ status, name }) => `${status} ${name}`)).toEqual([found])
    expect(bad[0]?.advice).toContain(advice)
  })
}

test('limits that are enough for fewer instances', () => {
  const small = { ...GOOD, addressSpaceBytes: 1000 * GIB, maxMapCount: 2000 }
  expect(checkMachine(small, 90).every(({ status }) => status === 'ok')).toBe(true)
  const kernel = { ...GOOD, kernelRelease: '7.0' }
  expect(checkMachine(kernel, 90).every(({ status }) => status === 'ok')).toBe(true)
})

test('the soft limit of /proc/self/limits', () => {
  const limits =
    'Limit                     Soft Limit           Hard Limit           Units     \n' +
    'Max open files            1024                 4096                 files     \n' +
    'Max address space         unlimited            unlimited            bytes     \n'
  expect(softLimit(limits, 'Max open files')).toBe(1024)
  expect(softLimit(limits, 'Max address space')).toBe(Number.POSITIVE_INFINITY)
  expect(softLimit(limits, 'Max wishes')).toBeUndefined()
})

test('the facts of this machine can be read', () => {
  const facts = readMachineFacts()
  expect(facts.hasJspi).toBe(true)
  expect(facts.nodeVersion).toBe(process.versions.node)
  if (process.platform === 'linux') {
    expect(facts.openFiles).toBeGreaterThan(0)
    expect(facts.maxMapCount).toBeGreaterThan(0)
  }
})
