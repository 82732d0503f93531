/** What a component must import and export, and that its names are data. */
import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { componentEmbed, componentNew } from '@bytecodealliance/jco'
import { test } from 'vitest'
import { answer, makeComponent, trapOf } from '../../support/component-run.ts'
import { componentWat, HELLO_WAT } from '../../support/component-wat.ts'

const put = (from: string, to: string): string => {
  assert.ok(HELLO_WAT.includes(from), from)
  return HELLO_WAT.replaceAll(from, to)
}

const REFUSED: ReadonlyArray<
  readonly [name: string, source: string, code: string, message: RegExp]
> = [
  [
    'a module',
    '(component (core module))',
    'COMPONENT_EXPORT',
    /exports nothing, wanted "wasi:http/,
  ],
  [
    'another world',
    put('"wasi:http/incoming-handler@0.2.0"', '"wasi:cli/run@0.2.0"'),
    'COMPONENT_EXPORT',
    /exports "wasi:cli\/run@0.2.0"/,
  ],
  [
    'WASI 0.3',
    put('"wasi:io/streams@0.2.0"', '"wasi:io/streams@0.3.0"'),
    'COMPONENT_IMPORT',
    /calls .* of "wasi:io\/streams@0.3"/,
  ],
  [
    'an interface that is not there',
    put('"wasi:io/streams@0.2.0"', '"wasi:nn/streams@0.2.0"'),
    'COMPONENT_IMPORT',
    /calls .* of "wasi:nn\/streams"/,
  ],
  [
    'a function that is not there',
    put(
      '[method]output-stream.blocking-write-and-flush',
      '[method]output-stream.blocking-write-or-flush',
    ),
    'COMPONENT_IMPORT',
    /calls "\[method\]output-stream.blocking-write-or-flush"/,
  ],
  [
    'another parameter',
    put('(param "contents" (list u8))', '(param "contents" (list s8))'),
    'COMPONENT_IMPORT',
    /with another type than WASI gives it/,
  ],
  [
    'a case with another name',
    put('(case "closed")', '(case "open")'),
    'COMPONENT_IMPORT',
    /with another type/,
  ],
  [
    'another resource',
    put(
      '(param "headers" (own $fields)) (result (own $outgoing-response))',
      '(param "headers" (own $outgoing-body)) (result (own $outgoing-response))',
    ),
    'COMPONENT_IMPORT',
    /with another type/,
  ],
  [
    'a core module that takes a function for another type',
    put(
      '"new-fields" (func $new-fields (result i32))',
      '"new-fields" (func $new-fields (result i64))',
    ).replace('(call $new-fields)', '(i32.wrap_i64 (call $new-fields))'),
    'COMPONENT_MALFORMED',
    /imports "new-fields" as \(\) -> i64, wanted \(\) -> i32/,
  ],
  [
    'an allocator of another type',
    put(
      '(func (export "realloc") (param i32 i32 i32 i32) (result i32)',
      '(func (export "realloc") (param i32 i32 i32 i32 i32) (result i32)',
    ),
    'COMPONENT_MALFORMED',
    /"realloc" is \(i32, i32, i32, i32, i32\) -> i32, wanted/,
  ],
  [
    'what hardening adds',
    put(
      '(alias core export $memory "realloc" (core func $realloc))',
      '(alias core export $memory "realloc" (core func $realloc)) (alias core export $memory "wasm_fpm:quota" (core global $q))',
    ),
    'COMPONENT_MALFORMED',
    /wanted none that begins with wasm_fpm:/,
  ],
  [
    'a core import that nobody gives',
    put('(export "new-fields" (func $new-fields))', ''),
    'COMPONENT_MALFORMED',
    /imports "new-fields" of "host", and is not given it/,
  ],
]

test.each(REFUSED)('refused: %s', async (_, source, code, message) => {
  const bytes = await componentWat(source)
  await assert.rejects(makeComponent(bytes), (error: Error & { code?: string }) => {
    assert.equal(error.code, code, error.message)
    assert.match(error.message, message)
    return true
  })
})

test('core modules that do not fit each other', async () => {
  const bytes = await componentWat(
    put('(import "host" "memory" (memory 1))', '(import "host" "memory" (memory 2))'),
  )
  await assert.rejects(makeComponent(bytes), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'GUEST_INVALID_MODULE')
    assert.match(error.message, /wanted a module that can be instantiated/)
    return true
  })
})

const escaped = (name: string): string =>
  [...Buffer.from(name)].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('')

const HOSTILE: ReadonlyArray<readonly [name: string, value: string]> = [
  ['quotes', `'"\`;globalThis.hacked=true;//`],
  ['brackets', `")]});globalThis.hacked=true;({["`],
  ['a template', ['$', '{globalThis.hacked=true}'].join('')],
  ['a line end', '\n;globalThis.hacked=true\u2028;globalThis.hacked=true'],
  ['__proto__', '__proto__'],
  ['constructor', 'constructor'],
  ['then', 'then'],
  ['nothing', ''],
  ['NUL', '\0'],
  ['1 MiB', 'x'.repeat(1024 * 1024)],
]

test.each(HOSTILE)('names are data: %s', async (_, value) => {
  const name = escaped(value)
  const source = HELLO_WAT.replaceAll('"host"', `"${name}"`)
    .replaceAll('"new-fields"', `"${name}"`)
    .replaceAll('(export "handle") (param $request', `(export "${name}") (param $request`)
    .replaceAll('(core func $main "handle")', `(core func $main "${name}")`)
  const instance = await makeComponent(await componentWat(source))
  const { stdout, report } = await answer(instance, '/a')
  assert.deepEqual(report.outcome, { kind: 'exited', code: 0 })
  assert.equal(stdout, 'Status: 200\r\n\r\n0 times before: /a')
  assert.equal('hacked' in globalThis, false)
  assert.deepEqual(Object.keys(Object.prototype), [])
})

const MODULE = '(core module $m (func (export "f"))) (core instance $c (instantiate $m))'

/** What is not run of WASI 0.3, each in a component of its own. */
const LATER: ReadonlyArray<readonly [what: string, source: string, code?: string]> = [
  ['the canonical function thread.index', '(core func (canon thread.index))'],
]

test.each(LATER)('refused, of WASI 0.3: %s', async (what, source) => {
  const bytes = await componentWat(`(component ${source})`)
  await assert.rejects(makeComponent(bytes), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'COMPONENT_UNSUPPORTED', error.message)
    assert.equal(
      error.message,
      `Cannot run test.wasm: it has ${what}, wanted what is run of WASI 0.2 and 0.3: docs/abi.md has a list`,
    )
    return true
  })
})

/** What is against the binary format, or the types of what is there. */
const WRONG: ReadonlyArray<readonly [name: string, source: string, message: RegExp]> = [
  [
    'lifted async that is not',
    `${MODULE} (type $f (func)) (func (type $f) (canon lift (core func $c "f") async))`,
    /is lifted async that is not/,
  ],
  [
    'a callback of what is not async',
    `${MODULE} (func (canon lift (core func $c "f") (callback (core func $c "f"))))`,
    /has a callback and is not lifted async/,
  ],
  [
    'a stream that lends',
    '(import "wasi:a/b@0.3.0" (instance $i (export "r" (type (sub resource))))) (alias export $i "r" (type $r)) (type (stream (borrow $r)))',
    /a stream lends a resource/,
  ],
  [
    'a future for a stream',
    '(type $t (future u8)) (core func (canon stream.new $t))',
    /is of a future/,
  ],
  [
    'the text of an error without a memory',
    '(core func (canon error-context.new))',
    /error-context.new is without a memory/,
  ],
  ['a third word of a task', '(core func (canon context.get i32 2))', /found word 2 of a task/],
  [
    'a copy without a memory',
    '(type $t (stream u8)) (core func (canon stream.read $t async))',
    /stream.read is without a memory/,
  ],
]

test.each(WRONG)('malformed, of WASI 0.3: %s', async (_, source, message) => {
  const bytes = await componentWat(`(component ${source})`)
  await assert.rejects(makeComponent(bytes), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'COMPONENT_MALFORMED', error.message)
    assert.match(error.message, message)
    return true
  })
})

/** Of all that is there of WASI 0.3. */
const INTERFACES_3 = [
  ...['cli/environment', 'cli/exit', 'cli/stdin', 'cli/stdout', 'cli/stderr'],
  ...['cli/terminal-stdin', 'cli/terminal-stdout', 'cli/terminal-stderr'],
  ...['clocks/monotonic-clock', 'clocks/system-clock'],
  ...['random/random', 'random/insecure', 'random/insecure-seed'],
  ...['filesystem/types', 'filesystem/preopens', 'http/types', 'http/client'],
  ...['sockets/types', 'sockets/ip-name-lookup'],
]

/** Of all that is there of WASI 0.2's sockets. */
const SOCKETS_2 = [
  ...['instance-network', 'network', 'ip-name-lookup', 'tcp-create-socket', 'tcp'],
  ...['udp-create-socket', 'udp'],
]

/** What a toolchain makes of a world of WASI's own definitions: its core module imports all functions, and traps. */
async function dummyOf(
  version: '0.2.12' | '0.3.0',
  world: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const wit = mkdtempSync(join(tmpdir(), 'wasm-fpm-wit-'))
  try {
    const jco = dirname(dirname(fileURLToPath(import.meta.resolve('@bytecodealliance/jco'))))
    const packages = ['http', 'clocks', 'random', 'cli', 'filesystem', 'sockets']
    for (const name of version === '0.3.0' ? packages : [...packages, 'io'])
      cpSync(join(jco, 'lib/wit/builtin', version, `wasi-${name}`), join(wit, 'deps', name), {
        recursive: true,
      })
    writeFileSync(join(wit, 'world.wit'), `package a:b;\nworld w { ${world} }\n`)
    const embedded = await componentEmbed({ dummy: true, witPath: wit })
    return new Uint8Array(await componentNew(embedded, []))
  } finally {
    rmSync(wit, { recursive: true })
  }
}

const ALL_3 = INTERFACES_3.map((name) => `import wasi:${name}@0.3.0;`).join(' ')

test.each([
  ['http', 'export wasi:http/handler@0.3.0;'],
  ['command', 'export wasi:cli/run@0.3.0;'],
])(
  '%s of WASI 0.3, as a toolchain makes one: all that it may import has the types of WASI',
  async (_, exported) => {
    const instance = await makeComponent(await dummyOf('0.3.0', `${ALL_3} ${exported}`))
    assert.match(trapOf(await answer(instance, '/a')), /unreachable/)
  },
)

test('a program that may import all sockets of WASI 0.2: they have the types of WASI', async () => {
  const imports = SOCKETS_2.map((name) => `import wasi:sockets/${name}@0.2.12;`).join(' ')
  const world = `${imports} export wasi:http/incoming-handler@0.2.12;`
  const instance = await makeComponent(await dummyOf('0.2.12', world))
  assert.match(trapOf(await answer(instance, '/a')), /unreachable/)
})
