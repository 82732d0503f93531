/** The errno and the results of single preview 1 calls, on our host and on `@wasmer/wasi`. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { withLibrary } from '../../../src/guest/wasmer/library.ts'
import { adaptMemory, MEMORY_ADAPTER } from '../../../src/guest/wasmer/memory-adapter.ts'
import { PREVIEW1 } from '../../../src/wasi/abi.ts'
import { SUSPENDING_FUNCTIONS, WASI_FUNCTIONS, WasiHost } from '../../../src/wasi/host.ts'
import { promising } from '../../../src/wasi/jspi.ts'
import { createMemoryDirectory } from '../../../src/wasi/memory-directory.ts'
import { grants } from '../../support/guest.ts'
import { DIFFERENCES } from './call-differences.ts'
import { RESULT, type Scene, STEPS, type Step } from './call-steps.ts'
import { sourceOf } from './two-engines.ts'

const ARGS = ['program', 'one']
const STDIN = 'standard input'

const DIED = -1

type Answer = { readonly errno: number; readonly look: unknown }
type Answers = Readonly<Record<string, Answer>>
type AnyCall = (...args: Array<number | bigint>) => number

test('the calls of both agree, but for the differences that are known', async () => {
  const own = await onOwnHost()
  const wasmer = await onWasmer()
  expect(Object.keys(wasmer)).toEqual(Object.keys(own))
  const found = Object.keys(own).filter((name) => !isSame(own[name], wasmer[name]))
  expect(
    Object.fromEntries(found.map((name) => [name, [shown(own[name]), shown(wasmer[name])]])),
  ).toEqual(Object.fromEntries(DIFFERENCES.map(({ call, own, wasmer }) => [call, [own, wasmer]])))
})

test('docs/engines.md names each of them', () => {
  const page = readFileSync('docs/engines.md', 'utf8')
  const rows = page.slice(page.indexOf('### Calls')).match(/^\| (?!Call |-).*$/gm) ?? []
  const named = rows.map((row) => row.split(' | '))
  expect(named.map(([call, , , why]) => [call, why])).toEqual(
    DIFFERENCES.map(({ call, why }) => [`| ${call}`, `${why} |`]),
  )
})

function isSame(own: Answer | undefined, wasmer: Answer | undefined): boolean {
  return shown(own) === shown(wasmer)
}

function shown(answer: Answer | undefined): string {
  const { errno, look } = answer ?? { errno: DIED, look: undefined }
  if (errno === DIED) return 'dies'
  if (errno !== 0 || look === undefined) return `errno ${errno}`
  return JSON.stringify(look, (_, value: unknown) =>
    typeof value === 'bigint' ? Number(value) : value,
  )
}

async function onOwnHost(): Promise<Answers> {
  const host = new WasiHost(new Set(WASI_FUNCTIONS))
  const scene: Scene = { memory: new WebAssembly.Memory({ initial: 1 }), fd: -1 }
  host.attach(scene.memory)
  const root = createMemoryDirectory(systemClock)
  host.begin(
    grants({
      args: ARGS,
      stdin: sourceOf(Buffer.from(STDIN)),
      preopens: [
        { guestPath: '/', directory: root },
        { guestPath: '', directory: root },
      ],
    }),
  )
  const answers: Record<string, Answer> = {}
  for (const step of STEPS) {
    const [name, ...args] = prepare(step, scene)
    const call = host.imports[name] as AnyCall
    const errno = await (SUSPENDING_FUNCTIONS.has(name) ? promising(call)(...args) : call(...args))
    answers[step.name] = { errno, look: errno === 0 ? step.look?.(scene) : undefined }
  }
  host.end()
  return answers
}

function onWasmer(): Promise<Answers> {
  return withLibrary(({ WASI, MemFS }) => {
    const wasi = new WASI({ args: ARGS, env: {}, preopens: { '/': '/' }, fs: new MemFS() })
    wasi.setStdinBuffer(Buffer.from(STDIN))
    const scene: Scene = { memory: new WebAssembly.Memory({ initial: 1 }), fd: -1 }
    const imports = wasi.getImports(MEMORY_ADAPTER) as Record<
      typeof PREVIEW1,
      Record<string, AnyCall>
    >
    wasi.instantiate(adaptMemory(scene.memory, imports[PREVIEW1]))
    const answers: Record<string, Answer> = {}
    for (const step of STEPS) {
      const [name, ...args] = prepare(step, scene)
      const errno = ask(imports[PREVIEW1][name], args)
      answers[step.name] = { errno, look: errno === 0 ? step.look?.(scene) : undefined }
    }
    return answers
  })
}

/** The package dies in some of its calls, and goes on. */
function ask(call: AnyCall | undefined, args: ReadonlyArray<number | bigint>): number {
  try {
    return call?.(...args) ?? DIED
  } catch {
    return DIED
  }
}

/** What an earlier call has left is not taken for a result. */
function prepare(step: Step, scene: Scene): ReturnType<Step['call']> {
  new Uint8Array(scene.memory.buffer, RESULT, 100).fill(0x3f)
  return step.call(scene)
}
