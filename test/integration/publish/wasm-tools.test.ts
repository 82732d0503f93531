/** wasm-tools in the publisher's own process, as `publish` and `inspect --wit` start it, and where npm was told to leave it out. */
import { execFile } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { MAX_WIT_BYTES } from '../../../src/publisher/validate-component.ts'
import {
  DEFAULT_PUBLISHER_LIMITS,
  type PublisherLimits,
  runPrint,
} from '../../../src/store/publisher-process.ts'
import { componentWat, HELLO_WAT } from '../../support/component-wat.ts'
import { emptyFolder, type } from '../cli/cli.ts'

const WORLD = 'export wasi:http/incoming-handler@0.2.0;'
/** Nothing is made of the name here, and nobody uses the type. */
const ODD_NAME = HELLO_WAT.replace(/\)\s*$/, '(type (record (field "Two Words" u8))))')

/** A folder with a component; what is published from there goes into a store beside it. */
async function withComponent(text: string) {
  const folder = emptyFolder()
  const file = join(folder, 'hello.wasm')
  writeFileSync(file, await componentWat(text))
  const store = ['--tenant', 'acme', '--store', join(folder, 'store')]
  return { folder, file, store }
}

test('published, its world is in what publishing says, and can be printed ever after', async () => {
  const { folder, file, store } = await withComponent(HELLO_WAT)
  const { stdout, code } = await type(['publish', file, ...store, '--json'])
  expect([code, stdout]).toEqual([0, expect.stringContaining('"published"')])
  const steps = stdout.split('\n').filter((line) => line.includes('"validate"'))
  expect(steps.map((line) => JSON.parse(line).found)).toEqual([
    { isValidated: true, reason: null, wit: expect.stringContaining(WORLD) },
  ])
  const wit = await type(['inspect', '--wit', file])
  expect(wit.stdout).toMatch(/^package root:component;\n\nworld root \{\n {2}import wasi:io/)
  const published = await type(['inspect', '1', ...store, '--wit'])
  expect(published).toEqual({ ...wit, code: 0, stderr: '' })
  const { stdout: shown } = await type(['inspect', '1', ...store])
  expect(shown).toMatch(/^component +acme 1, \d+ bytes\nhttp +answers requests/)
  expect(readdirSync(folder).sort()).toEqual(['hello.wasm', 'store'])
})

test('what wasm-tools refuses is not published and not printed', async () => {
  const { file, store } = await withComponent(ODD_NAME)
  for (const [args, doing] of [
    [['publish', ...store], 'publish acme/hello'],
    [['inspect', '--wit'], `print ${file}`],
  ] as const) {
    const { code, stderr } = await type([...args, file])
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /`Two Words` is not in kebab case .*\[PUBLISHER_INVALID_COMPONENT\]\n {2}next: /,
    )
    expect(stderr).toContain(`Cannot ${doing}: wasm-tools says`)
  }
})

test('--wit is for components, and is no JSON; scripts are no module', async () => {
  const { file, store } = await withComponent(HELLO_WAT)
  expect((await type(['inspect', file, '--wit', '--json'])).stderr).toContain('[CLI_USAGE]')
  const module = await type(['inspect', '--wit', 'build/guests/as/hello.wasm'], resolve('.'))
  expect(module.stderr).toMatch(/is no component.*\[CLI_USAGE\]/)
  const nothing = await type(['inspect', '1', ...store])
  expect(nothing.stderr).toMatch(/\[STORE_NOT_A_STORE\]/)
})

/** A world of two megabytes: functions of a type with 8192 numbers in it. */
function longWorld(): string {
  const types = Array.from({ length: 13 }, (_, n) => `(type $t${n + 1} (tuple $t${n} $t${n}))`)
  const imports = Array.from({ length: 50 }, (_, n) => `(import "i${n}" (func (param "a" $t13)))`)
  return `(component (type $t0 u8) ${types.join('')} ${imports.join('')})`
}

const BYTES = 2 ** 26

/** A component with a section of zeros in its core module, which wasm-tools has to have in its own memory. */
function largeComponent(): Uint8Array {
  const zeros = [0, ...leb(BYTES), ...Array<number>(2).fill(0)]
  const head = Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...zeros])
  const size = head.length - 2 + BYTES
  const all = new Uint8Array(8 + 1 + 4 + size)
  all.set([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0, 1, ...leb(size)])
  all.set(head, 13)
  return all
}

/** Four digits of seven bits. */
function leb(value: number): readonly number[] {
  return [0, 7, 14, 21].map((shift) => ((value >> shift) & 0x7f) | (shift === 21 ? 0 : 0x80))
}

function printed(component: Uint8Array, limits: Partial<PublisherLimits> = {}): Promise<string> {
  const modulePath = join(emptyFolder(), 'component')
  writeFileSync(modulePath, component)
  return runPrint(
    { kind: 'print', name: 'it', modulePath, imagePath: null, limits: { memoryBytes: 0 } },
    {
      clock: systemClock,
      limits: { ...DEFAULT_PUBLISHER_LIMITS, ...limits },
      onStep: () => undefined,
    },
  )
}

test('a world without end is not printed', async () => {
  await expect(printed(await componentWat(longWorld()))).rejects.toMatchObject({
    code: 'PUBLISHER_NO_WIT',
    message: expect.stringContaining(`longer than ${MAX_WIT_BYTES} bytes of WIT`),
  })
})

test('who asks wasm-tools of too large a component is ended', async () => {
  const component = largeComponent()
  expect(await printed(component)).toMatch(/^package root:component;/)
  // Twice the component fits: read, and not in the memory of wasm-tools as well.
  await expect(printed(component, { memoryBytes: 3 * BYTES, lookMs: 1 })).rejects.toMatchObject({
    code: 'STORE_PUBLISHER_MEMORY',
  })
})

/** The program as `npm install --omit=optional` leaves it. */
function withoutOptional(folder: string): readonly string[] {
  // As root, nobody runs it.
  chmodSync(folder, 0o755)
  for (const part of ['bin', 'dist', 'package.json'])
    cpSync(resolve(part), join(folder, part), { recursive: true })
  mkdirSync(join(folder, 'node_modules'))
  for (const name of readdirSync('node_modules')) {
    if (name === '@bytecodealliance' || name.startsWith('.')) continue
    symlinkSync(resolve('node_modules', name), join(folder, 'node_modules', name))
  }
  return ['--disable-warning=ExperimentalWarning', join(folder, 'bin/wasm-fpm.js')]
}

test('without jco components are published on our own word, and publish and doctor say so', async () => {
  const { file, store, folder } = await withComponent(ODD_NAME)
  const program = withoutOptional(folder)
  const typed = (...args: readonly string[]) =>
    promisify(execFile)(process.execPath, [...program, ...args], { cwd: folder })
  const { stdout } = await typed('publish', file, ...store)
  expect(stdout).toMatch(
    /^validate held to our own checks alone: wasm-tools was not asked, it is not installed \(npm's @bytecodealliance\/jco\) \(/m,
  )
  expect(stdout).toMatch(/^acme\/hello answers \/ with /m)
  await expect(typed('inspect', '--wit', file)).rejects.toMatchObject({
    stderr: expect.stringMatching(/it is not installed.*\[PUBLISHER_NO_WIT\]\n {2}next: /),
  })
  writeFileSync(
    join(folder, 'wasm-fpm.toml'),
    `[[pool]]\nname = "www"\nlisten = ["${join(folder, 'w.sock')}"]\n`,
  )
  const doctor = await typed('doctor').catch((error: { readonly stdout: string }) => error)
  expect(doctor.stdout).toMatch(/wasm-tools.*not installed \(npm's @bytecodealliance\/jco\)/)
})
