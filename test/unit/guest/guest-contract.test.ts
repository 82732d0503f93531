/** A module that is no WASI command is refused before anything runs, by every way in; one that is fits the host. */
import { expect, test } from 'vitest'
import { contractProblem } from '../../../src/guest/guest-contract.ts'
import { hardenAndCompile } from '../../../src/guest/make-module.ts'
import { BEYOND, PREVIEW1 } from '../../../src/wasi/abi.ts'
import { BEYOND_FUNCTIONS, WASI_FUNCTIONS, WasiHost } from '../../../src/wasi/host.ts'
import { SIGNATURES } from '../../../src/wasi/signatures.ts'
import { inspect } from '../../../src/wasm/inspect-module.ts'
import { DEFAULT_MODULE_LIMITS } from '../../../src/wasm/limits.ts'
import { wat } from '../../support/wat.ts'
import { BEYOND_SIGNATURES, SIGNATURES as LETTERS } from '../wasi/probe.ts'

const PARTS = '(memory (export "memory") 1) (func (export "_start"))'
const WASI = '"wasi_snapshot_preview1"'

const FUNCTIONS = [...SIGNATURES].flatMap(([module, functions]) =>
  [...functions].map(([name, wanted]) => ({ module, name, wanted })),
)

const REFUSED = [
  {
    name: 'a function of another host',
    text: `(import "env" "system" (func (param i32) (result i32))) ${PARTS}`,
    says: 'it imports the function "env" "system" of type (i32) -> i32, wanted functions of wasi_snapshot_preview1 only',
  },
  {
    name: 'a function preview 1 lacks',
    text: `(import ${WASI} "fd_wrong" (func)) ${PARTS}`,
    says: '"fd_wrong" of type () -> ()',
  },
  {
    name: 'a memory of the host',
    text: '(import "env" "memory" (memory 1)) (export "memory" (memory 0)) (func (export "_start"))',
    says: 'the memory "env" "memory", wanted functions',
  },
  {
    name: 'a function that shows only its name is right',
    text: `(import ${WASI} "fd_write" (global i32)) ${PARTS}`,
    says: 'the global',
  },
  {
    name: 'a _start with a parameter',
    text: '(memory (export "memory") 1) (func (export "_start") (param i32))',
    says: 'its "_start" is (i32) -> (), wanted () -> ()',
  },
  {
    name: 'a _start with a result',
    text: '(memory (export "memory") 1) (func (export "_start") (result i64) (i64.const 0))',
    says: 'its "_start" is () -> i64, wanted () -> ()',
  },
  {
    name: 'a library',
    text: '(memory (export "memory") 1) (global (export "state") (mut i32) (i32.const 0)) (func (export "add"))',
    says: 'it exports "memory", "state", "add", wanted a WASI command',
  },
  { name: 'no exports', text: '(func)', says: 'it exports nothing, wanted' },
  {
    name: 'a _start that is no function',
    text: '(memory (export "memory") 1) (global (export "_start") i32 (i32.const 0))',
    says: 'it exports "memory", the global "_start", wanted a WASI command',
  },
  {
    name: 'a memory that is none',
    text: '(table (export "memory") 1 funcref) (func (export "_start"))',
    says: 'it exports the table "memory", "_start", wanted a WASI command',
  },
  {
    name: 'endless names',
    text: `(import "${'x'.repeat(5000)}" "y" (func)) ${PARTS}`,
    says: 'xxx..."',
  },
  {
    name: 'a trace of any depth',
    text: `(func (export "wasm_fpm_trace") (result i32) (i32.const 0)) ${PARTS}`,
    says: 'its "wasm_fpm_trace" is () -> i32, wanted (i32) -> i32: let it',
  },
  {
    name: 'fibers that begin with nothing',
    text: `(func (export "wasm_fpm_fiber")) ${PARTS}`,
    says: 'its "wasm_fpm_fiber" is () -> (), wanted (i32) -> i32: let it',
  },
  ...FUNCTIONS.flatMap(({ module, name, wanted }) => [
    {
      name: `${name} with a parameter more`,
      text: `(import "${module}" "${name}" (func ${typeOf(wanted, 'f32')})) ${PARTS}`,
      says: `wanted ${wanted}`,
    },
    {
      name: `${name} with another result`,
      text: `(import "${module}" "${name}" (func ${typeOf(wanted).replace(/\(result i32\)/, '')} (result i64))) ${PARTS}`,
      says: `wanted ${wanted}`,
    },
    {
      name: `${name} of the other module`,
      text: `(import "${module === BEYOND ? PREVIEW1 : BEYOND}" "${name}" (func ${typeOf(wanted)})) ${PARTS}`,
      says: 'wanted functions of wasi_snapshot_preview1',
    },
  ]),
]

/** As the text format writes it. */
function typeOf(signature: string, more = ''): string {
  const [, parameters = '', result] = /^\((.*)\) -> (.*)$/.exec(signature) ?? []
  return `(param ${parameters.replaceAll(',', '')} ${more}) ${result === 'i32' ? '(result i32)' : ''}`
}

const OPTIONS = {
  digest: 'x',
  name: 'shop',
  memoryMaxBytes: 1 << 20,
  functionBytes: DEFAULT_MODULE_LIMITS.functionBytes,
}

test.each(REFUSED)('$name', async ({ text, says }) => {
  const bytes = wat(`(module ${text})`)
  const problem = contractProblem(inspect(bytes).interface)
  expect(problem).toContain(says)
  expect(problem).toMatch(/, wanted .+: (?:build|take|let) /)
  expect(problem).not.toContain('wasm_fpm:')
  await expect(hardenAndCompile(bytes, OPTIONS)).rejects.toMatchObject({
    code: 'GUEST_WRONG_CONTRACT',
    message: `Cannot run shop: ${problem}`,
  })
})

test('a type that only looks the same', () => {
  // (sub (func)): V8 does not link it with a plain (func).
  const contents = [
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 6, 1, 0x50, 0, 0x60, 0, 0, 3, 2, 1, 0, 5, 3, 1, 0, 1],
    ...[7, 19, 2, 6, ...Buffer.from('memory'), 2, 0, 6, ...Buffer.from('_start'), 0, 0],
    ...[10, 4, 1, 2, 0, 0x0b],
  ]
  const bytes = Uint8Array.from(contents)
  expect(WebAssembly.validate(bytes)).toBe(true)
  expect(contractProblem(inspect(bytes).interface)).toContain('of a declared type')
})

test('all functions have a type, and the host links with it', async () => {
  const namesOf = (module: string) => [...(SIGNATURES.get(module)?.keys() ?? [])].sort()
  expect([namesOf(PREVIEW1), namesOf(BEYOND)]).toEqual([WASI_FUNCTIONS, BEYOND_FUNCTIONS])
  const letterTable = { ...LETTERS, ...BEYOND_SIGNATURES }
  for (const { name, wanted } of FUNCTIONS) {
    const parameters = wanted.slice(0, wanted.indexOf(' ->'))
    const letters = parameters
      .replace(/i32/g, 'i')
      .replace(/i64/g, 'I')
      .replace(/[(), ]/g, '')
    expect([name, letters]).toEqual([name, letterTable[name]])
  }
  const imports = FUNCTIONS.map(
    ({ module, name, wanted }) => `(import "${module}" "${name}" (func ${typeOf(wanted)}))`,
  ).join(' ')
  const bytes = wat(`(module ${imports} ${PARTS})`)
  const { module, wasiNames, memories } = await hardenAndCompile(bytes, OPTIONS)
  const host = new WasiHost(wasiNames)
  const own = memories.map((size) => new WebAssembly.Memory(size))
  const linked = {
    [PREVIEW1]: host.imports,
    [BEYOND]: host.imports,
    'wasm_fpm:memory': { ...own },
  }
  expect(() => new WebAssembly.Instance(module, linked)).not.toThrow()
})
