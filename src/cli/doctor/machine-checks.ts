/** Whether the machine suits the server. The figures per instance were measured on Node 26, x86-64. */
import { WASM_TOOLS_PACKAGE } from '../../base/wasm-tools-file.ts'
import { type Check, fail, ok, warn } from './check-result.ts'
import type { MachineFacts } from './machine-facts.ts'

const SUBJECT = 'machine'
const LEAST_NODE = 26

/** Reserved for each linear memory (guard regions included): address space only, not memory. */
const ADDRESS_SPACE_PER_INSTANCE = 10 * 1024 ** 3

/** Node itself. */
const ADDRESS_SPACE_OF_NODE = 40 * 1024 ** 3

/** Mappings of a suspended instance, its stack included; an idle one has 2. */
const MAPPINGS_PER_INSTANCE = 5
const MAPPINGS_OF_NODE = 1000

const GOOD_OPEN_FILES = 4096
const LEAST_OPEN_FILES = 256

/** PAGEMAP_SCAN came with it. */
const GOOD_KERNEL = [6, 7] as const

const STRICT_OVERCOMMIT = 2

/** `instances`: the most that one worker process may come to hold. */
export function checkMachine(facts: MachineFacts, instances: number): readonly Check[] {
  return [
    checkNode(facts),
    checkStackSwitching(facts),
    checkAddressSpace(facts, instances),
    checkMappings(facts, instances),
    checkOpenFiles(facts),
    checkOvercommit(facts),
    checkFfi(facts),
    checkKernel(facts),
    checkWasmTools(facts),
  ]
}

function checkNode({ nodeVersion }: MachineFacts): Check {
  const major = Number(nodeVersion.split('.')[0])
  if (major >= LEAST_NODE) return ok(SUBJECT, 'Node.js', nodeVersion)
  return fail(SUBJECT, 'Node.js', [
    nodeVersion,
    `install Node ${LEAST_NODE} or newer: https://nodejs.org`,
  ])
}

function checkStackSwitching({ hasJspi }: MachineFacts): Check {
  const name = 'stack switching (JSPI)'
  if (hasJspi) return ok(SUBJECT, name, 'there')
  return fail(SUBJECT, name, [
    'missing',
    `use Node ${LEAST_NODE} or newer, without --no-experimental-wasm-jspi`,
  ])
}

/** Left out is a choice, and no fault. */
function checkWasmTools({ hasWasmTools }: MachineFacts): Check {
  const actual = hasWasmTools
    ? 'there: components that are published have to pass it'
    : `not installed (npm's ${WASM_TOOLS_PACKAGE}): components that are published are held to our own checks alone`
  return ok(SUBJECT, 'wasm-tools', actual)
}

function checkAddressSpace({ addressSpaceBytes }: MachineFacts, instances: number): Check {
  const name = 'address space (ulimit -v)'
  if (addressSpaceBytes === undefined) return unknown(name)
  if (addressSpaceBytes === Number.POSITIVE_INFINITY) return ok(SUBJECT, name, 'unlimited')
  const room = Math.floor((addressSpaceBytes - ADDRESS_SPACE_OF_NODE) / ADDRESS_SPACE_PER_INSTANCE)
  const actual = `${Math.floor(addressSpaceBytes / 1024 ** 3)} GiB: room for ${Math.max(0, room)} instances a worker`
  const advice =
    'set it to unlimited (LimitAS=infinity in the unit): each instance reserves 10 GiB of it, and uses next to none'
  if (room < 1) return fail(SUBJECT, name, [actual, advice])
  return room < instances ? warn(SUBJECT, name, [actual, advice]) : ok(SUBJECT, name, actual)
}

function checkMappings({ maxMapCount }: MachineFacts, instances: number): Check {
  const name = 'vm.max_map_count'
  if (maxMapCount === undefined) return unknown(name)
  const room = Math.floor((maxMapCount - MAPPINGS_OF_NODE) / MAPPINGS_PER_INSTANCE)
  const actual = `${maxMapCount}: room for ${Math.max(0, room)} instances a worker`
  if (room >= instances) return ok(SUBJECT, name, actual)
  const wanted = instances * MAPPINGS_PER_INSTANCE + MAPPINGS_OF_NODE
  const advice = `sysctl -w vm.max_map_count=${wanted} (for good: /etc/sysctl.d/wasm-fpm.conf), or lower process_max`
  return room < 1 ? fail(SUBJECT, name, [actual, advice]) : warn(SUBJECT, name, [actual, advice])
}

function checkOpenFiles({ openFiles }: MachineFacts): Check {
  const name = 'open files (ulimit -n)'
  if (openFiles === undefined) return unknown(name)
  const actual = openFiles === Number.POSITIVE_INFINITY ? 'unlimited' : String(openFiles)
  const advice =
    'set LimitNOFILE=65536 in the unit: each connection and each file of a guest takes one'
  if (openFiles < LEAST_OPEN_FILES) return fail(SUBJECT, name, [actual, advice])
  return openFiles < GOOD_OPEN_FILES
    ? warn(SUBJECT, name, [actual, advice])
    : ok(SUBJECT, name, actual)
}

function checkOvercommit({ overcommitMemory }: MachineFacts): Check {
  const name = 'vm.overcommit_memory'
  if (overcommitMemory === undefined) return unknown(name)
  if (overcommitMemory !== STRICT_OVERCOMMIT) return ok(SUBJECT, name, String(overcommitMemory))
  return warn(SUBJECT, name, [
    '2 (strict)',
    'set it to 0 or 1: under strict accounting the memory of guests runs out long before the machine has none left',
  ])
}

function checkFfi({ hasFfi }: MachineFacts): Check {
  if (hasFfi) return ok(SUBJECT, 'node:ffi', 'there')
  return warn(SUBJECT, 'node:ffi', [
    'missing',
    'use an official build of Node: without it large memories are reset by copying them whole',
  ])
}

function checkKernel({ platform, kernelRelease }: MachineFacts): Check {
  const name = 'kernel'
  if (platform !== 'linux') {
    return warn(SUBJECT, name, [
      platform,
      'use Linux in production: the rest is for development only',
    ])
  }
  const [major = 0, minor = 0] = kernelRelease.split(/[.-]/).map(Number)
  const [wantedMajor, wantedMinor] = GOOD_KERNEL
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) {
    return ok(SUBJECT, name, kernelRelease)
  }
  return warn(SUBJECT, name, [
    kernelRelease,
    `Linux ${GOOD_KERNEL.join('.')} or newer resets large memories faster (PAGEMAP_SCAN); older ones work`,
  ])
}

function unknown(name: string): Check {
  return warn(SUBJECT, name, ['cannot be told', 'mount procfs, or look yourself'])
}
