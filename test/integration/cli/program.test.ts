/** The program as a whole: help, exit codes, errors for people and for programs. */
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { compileHostile } from '../../../guests/hostile/compile.ts'
import { componentWat, HELLO_WAT } from '../../support/component-wat.ts'
import { wat } from '../../support/wat.ts'
import { emptyFolder, start, type } from './cli.ts'

test('help: commands in groups, exit codes', async () => {
  const { code, stdout } = await type(['--help'])
  expect(code).toBe(0)
  expect(stdout).toMatch(
    /\nServing:\n {2}serve [\s\S]*\nPublishing:\n {2}publish [\s\S]*\nDeveloping:\n {2}new [\s\S]*\nExit codes:\n {2}0 +done\n/,
  )
})

test('the version', async () => {
  expect(await type(['--version'])).toEqual({
    code: 0,
    stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    stderr: '',
  })
})

const BAD_LINES = [
  { args: ['no-such-command'], says: /unknown command/ },
  { args: ['serve', '--no-such-option'], says: /unknown option.*\n\(see wasm-fpm serve --help\)/ },
  {
    args: ['tenants', 'add'],
    says: /missing required argument.*\n\(see wasm-fpm tenants add --help\)/,
  },
  { args: ['convert', 'php-fpm'], says: /\(see wasm-fpm convert php-fpm --help\)/ },
  { args: ['completion', 'tcsh'], says: /Allowed choices are bash, zsh, fish/ },
  { args: ['serve', '--http', 'x', '--config', '/nowhere'], says: /CONFIG_|CLI_BAD_ADDRESS/ },
] as const

test.for(BAD_LINES)('$args: 64, and where to look', async ({ args, says }) => {
  const typed = await type(args)
  expect(typed).toMatchObject({ code: 64, stdout: '' })
  expect(typed.stderr).toMatch(says)
})

test('a configuration that is wrong: 78, for people and for programs', async () => {
  const file = join(emptyFolder(), 'bad.toml')
  writeFileSync(file, 'pool = 5\n')
  const people = await type(['check', '--config', file])
  expect(people).toMatchObject({ code: 78, stdout: '' })
  expect(people.stderr).toMatch(
    /^wasm-fpm: Cannot use the configuration: .*bad\.toml:1: .*\[CONFIG_BAD_VALUE\]\n {2}next: .*`wasm-fpm check`.*\n$/s,
  )
  const programs = await type(['check', '--json', '--config', file])
  expect(programs.code).toBe(78)
  expect(JSON.parse(programs.stdout)).toMatchObject({
    error: { code: 'CONFIG_BAD_VALUE', next: expect.stringContaining('`wasm-fpm check`') },
  })
})

test('serve: an address that is taken, and a server that runs already', async () => {
  const folder = emptyFolder()
  const taken = createServer()
  onTestFinished(() => void taken.close())
  await once(taken.listen(0, '127.0.0.1'), 'listening')
  const address = taken.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const file = join(folder, 'wasm-fpm.toml')
  const write = (listen: string): void =>
    writeFileSync(file, `[[pool]]\nname = "www"\nworkers = 1\nlisten = ["${listen}"]\n`)

  write(`127.0.0.1:${port}`)
  const inUse = await type(['serve', '--config', file])
  expect(inUse.code).toBe(1)
  expect(inUse.stderr).toMatch(
    /somebody listens there.*\[MASTER_LISTEN_FAILED\]\n {2}next: `ss -lntxp`/,
  )

  write(join(folder, 'www.sock'))
  const first = start(['serve', '--config', file])
  await first.printed(/"msg":"ready"/)
  const second = await type(['serve', '--config', file])
  expect(second.code).toBe(1)
  expect(second.stderr).toMatch(/`wasm-fpm reload`.*\[MASTER_ALREADY_RUNNING\]\n {2}next: /)
})

test('a component: what it imports and exports, and whether it answers requests', async () => {
  const folder = emptyFolder()
  const [hello, nothing] = [join(folder, 'hello.wasm'), join(folder, 'nothing.wasm')]
  writeFileSync(hello, await componentWat(HELLO_WAT))
  writeFileSync(nothing, Buffer.from([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0]))
  const { stdout } = await type(['inspect', hello])
  expect(stdout).toMatch(/^http +answers requests of wasi:http$/m)
  expect(stdout).toMatch(/^imports +"wasi:io\/error@0.2.0", /m)
  expect(stdout).toMatch(/^reset +yes$/m)
  expect((await type(['inspect', nothing])).stdout).toMatch(/^http +no: .*it exports nothing/m)
  const { stdout: json } = await type(['inspect', '--json', nothing])
  expect(JSON.parse(json)).toMatchObject({ contract: { kind: 'http' }, imports: [], exports: [] })
})

test('where only modules are taken, a component is told which target to build for', async () => {
  const file = join(emptyFolder(), 'component.wasm')
  writeFileSync(file, Buffer.from([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0]))
  const { stderr } = await type(['harden', '-o', `${file}.out`, file])
  expect(stderr).toMatch(/found a component, .*wasm32-wasip1.*\[WASM_NOT_A_MODULE\]\n {2}next: /)
})

const TAKE_MODULES = [
  ['inspect'],
  ['run'],
  ['harden', '-o', '/dev/null'],
  ['runtime', 'add', 'own', '--store', 'STORE'],
  ['publish', '--tenant', 'acme', '--store', 'STORE'],
]

test.each(TAKE_MODULES)('%s: of what is no module it says which file that is', async (...args) => {
  const folder = emptyFolder()
  const file = join(folder, 'broken.wasm')
  writeFileSync(file, 'no module')
  const { stderr } = await type([
    ...args.map((word) => (word === 'STORE' ? join(folder, 'store') : word)),
    file,
  ])
  expect(stderr).toMatch(/: Cannot read \S*broken\S*: found other bytes, .*\[WASM_NOT_A_MODULE\]\n/)
})

const NO_COMMANDS = [
  {
    name: 'a library',
    text: '(memory (export "memory") 1) (func (export "add"))',
    why: 'it exports "memory", "add", wanted a WASI command with the function "_start"',
  },
  {
    name: 'glue of another host',
    text: '(import "env" "alert" (func (param i32))) (memory (export "memory") 1) (func (export "_start"))',
    why: 'it imports the function "env" "alert" of type (i32) -> (), wanted functions of wasi_snapshot_preview1 only',
  },
  {
    name: 'another _start',
    text: '(memory (export "memory") 1) (func (export "_start") (param i32))',
    why: 'its "_start" is (i32) -> (), wanted () -> ()',
  },
]

test.each(NO_COMMANDS)('inspect: $name is no WASI command, and why', async ({ text, why }) => {
  const file = join(emptyFolder(), 'x.wasm')
  writeFileSync(file, wat(`(module ${text})`))
  const people = await type(['inspect', file])
  expect(people.code).toBe(0)
  expect(people.stdout).toMatch(/^module {5}\S+, \d+ bytes\n/)
  expect(people.stdout).toContain(`\ncommand    not a WASI command: ${why}`)
  const programs = await type(['inspect', file, '--json'])
  expect(JSON.parse(programs.stdout).command).toEqual({
    isCommand: false,
    problem: expect.stringContaining(why),
  })
})

test('a module: inspect, harden, invoke', async () => {
  const folder = emptyFolder()
  writeFileSync(join(folder, 'hello.wasm'), compileHostile('hello'))
  const json = async (...args: readonly string[]) =>
    JSON.parse((await type([...args, '--json'], folder)).stdout)
  expect(await json('inspect', 'hello.wasm')).toMatchObject({
    isHardened: false,
    command: { isCommand: true, problem: null },
  })
  expect(await json('harden', 'hello.wasm', '-o', 'out.wasm')).toMatchObject([
    { module: 'hello.wasm', out: 'out.wasm' },
  ])
  expect(await json('inspect', 'out.wasm')).toMatchObject({ isHardened: true })
  expect(await json('invoke', 'hello.wasm')).toMatchObject({ status: 200, stderr: '' })
  const missing = await type(['invoke', 'missing.wasm'], folder)
  expect(missing.code).toBe(1)
  expect(missing.stderr).toContain('[CLI_UNREADABLE]')
  for (const args of [['inspect'], ['run'], ['harden', '-o', 'x.wasm']]) {
    const typed = await type([...args, 'missing.wasm'], folder)
    expect(typed).toMatchObject({ code: 1, stdout: '' })
    expect(typed.stderr).toMatch(
      /^wasm-fpm: Cannot read missing\.wasm: .*\[CLI_UNREADABLE\]\n {2}next: .*\n$/,
    )
  }
})

test('harden: what cannot be written is said with a code', async () => {
  const folder = emptyFolder()
  writeFileSync(join(folder, 'hello.wasm'), compileHostile('hello'))
  for (const args of [
    ['hello.wasm', '-o', 'missing/out.wasm'],
    ['hello.wasm', 'hello.wasm', '-o', 'hello.wasm'],
  ]) {
    const typed = await type(['harden', ...args], folder)
    expect(typed).toMatchObject({ code: 1, stdout: '' })
    expect(typed.stderr).toMatch(/^wasm-fpm: Cannot write .*\[CLI_NOT_WRITABLE\]\n {2}next: .*\n$/)
  }
})

test('a reader that has had enough is no fault', async () => {
  const folder = emptyFolder()
  const tenants = Array.from({ length: 3000 }, (_, number) => `[[tenant]]\nname = "t${number}"\n`)
  const file = join(folder, 'wasm-fpm.toml')
  writeFileSync(file, `[[pool]]\nname = "www"\nlisten = ["./www.sock"]\n${tenants.join('')}`)
  const running = start(['tenants', '--json', '--config', file])
  running.child.stdout?.once('data', () => running.child.stdout?.destroy())
  expect(await running.exit).toBe(0)
  expect(running.text()).not.toContain('EPIPE')
})
