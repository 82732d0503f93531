/**
 * Runs the WebAssembly specification's test suite twice, original and hardened, and compares.
 *
 *     node test/conformance/run-spec-testsuite.ts DIR [FILE-PATTERN]
 *
 * DIR: a checkout of https://github.com/WebAssembly/testsuite. Every action of every script is done in two worlds, one
 * of original modules and one of hardened ones; results, traps and exported memories must agree. Modules the suite
 * calls invalid must not become valid. What the expected value is, is V8's concern, not ours.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { harden } from '../../src/wasm/harden-module.ts'
import { type Form, head, readForms, stringOf } from './script-forms.ts'
import { encode, encodeWithWabt, spectest } from './script-modules.ts'

type World = 'original' | 'hardened'
const WORLDS: readonly World[] = ['original', 'hardened']
type Instances = Map<string, WebAssembly.Exports | undefined>

const NUMERIC = /^(i32|i64|f32|f64|v128)\.const$/
/** A quota of 0: every charge calls the check, so the rare path is the one that runs. */
const CAPS = { memoryMaxBytes: 2 ** 32, tableMaxElements: 10_000_000, quota: 0 }
const CURRENT = ''

const counts = {
  scripts: 0,
  modules: 0,
  refused: 0,
  unreadable: 0,
  actions: 0,
  invalid: 0,
  skipped: 0,
}
const refusals = new Map<string, number>()
const differences: string[] = []

const [directory, pattern = ''] = process.argv.slice(2)
if (directory === undefined) throw new Error('usage: run-spec-testsuite.ts DIR [FILE-PATTERN]')
const scripts = readdirSync(directory, { recursive: true, encoding: 'utf8' })
  .filter(
    (name) => name.endsWith('.wast') && !name.startsWith('proposals/') && name.includes(pattern),
  )
  .sort()
for (const name of scripts) runScript(name, readFileSync(join(directory, name), 'utf8'))
for (const line of differences) process.stdout.write(`DIFFERENT ${line}\n`)
process.stdout.write(`${JSON.stringify(counts)} differences: ${differences.length}\n`)
process.stdout.write(`refused: ${JSON.stringify(Object.fromEntries(refusals))}\n`)
process.exitCode = differences.length === 0 ? 0 : 1

function hardenedOrCode(bytes: Uint8Array): Uint8Array<ArrayBuffer> | string {
  try {
    return harden(bytes, CAPS).bytes
  } catch (error) {
    const code = (error as { code?: string }).code
    if (code?.startsWith('WASM_') !== true) throw error
    return code
  }
}

interface State {
  readonly file: string
  readonly source: string
  readonly instances: Record<World, Instances>
  readonly registered: Record<World, Map<string, WebAssembly.Exports>>
}

function runScript(file: string, source: string): void {
  counts.scripts++
  const worlds = <T>(make: () => T): Record<World, T> => ({ original: make(), hardened: make() })
  const state: State = {
    file,
    source,
    instances: worlds(() => new Map()),
    registered: worlds(() => new Map([['spectest', spectest()]])),
  }
  let pending: Form[] = []
  const flush = (): void => {
    runActions(state, pending)
    compareMemories(state)
    pending = []
  }
  for (const form of readForms(source)) {
    const command = head(form)
    if (
      /^(invoke|get|assert_return|assert_trap|assert_exhaustion|assert_exception)$/.test(command) &&
      head(form.items[1]) !== 'module'
    ) {
      pending.push(form)
      continue
    }
    flush()
    if (command === 'module') loadModule(state, form)
    else if (command === 'register') register(state, form)
    else if (command === 'assert_invalid' || command === 'assert_malformed')
      checkInvalid(state, form)
    else if (/^assert_(trap|unlinkable|uninstantiable)$/.test(command))
      loadModule(state, form.items[1] ?? form)
    else counts.skipped++
  }
  flush()
}

function difference(state: State, form: Form, what: string): void {
  const line = state.source.slice(0, form.start).split('\n').length
  differences.push(`${state.file}:${line} ${what}`)
}

function loadModule(state: State, form: Form): void {
  counts.modules++
  const bytes = encode(state.source, form)
  const id = form.items.find(({ text }) => text?.startsWith('$') === true)?.text
  const store = (world: World, exports: WebAssembly.Exports | undefined): void => {
    state.instances[world].set(CURRENT, exports)
    if (id !== undefined) state.instances[world].set(id, exports)
  }
  for (const world of WORLDS) store(world, undefined)
  if (bytes === undefined || !WebAssembly.validate(bytes)) {
    counts.unreadable++
    return
  }
  const hardened = hardenedOrCode(bytes)
  if (typeof hardened === 'string') {
    counts.refused++
    refusals.set(hardened, (refusals.get(hardened) ?? 0) + 1)
    return
  }
  if (!WebAssembly.validate(hardened)) {
    difference(state, form, 'hardened module is invalid')
    return
  }
  const outcomes = WORLDS.map((world) => {
    try {
      const module = new WebAssembly.Module(world === 'original' ? bytes : hardened)
      const imports = Object.fromEntries(state.registered[world]) as WebAssembly.Imports
      const { exports } = new WebAssembly.Instance(module, imports)
      store(world, exports)
      return 'instantiated'
    } catch (error) {
      return explain(error)
    }
  })
  if (outcomes[0] !== outcomes[1]) difference(state, form, outcomes.join(' / '))
}

function register(state: State, form: Form): void {
  const id = form.items[2]?.text ?? CURRENT
  for (const world of WORLDS) {
    const exports = state.instances[world].get(id)
    if (exports !== undefined) state.registered[world].set(stringOf(form.items[1]), exports)
  }
}

/** What V8 refuses must still be refused after hardening. */
function checkInvalid(state: State, form: Form): void {
  const bytes = encode(state.source, form.items[1] ?? form)
  if (bytes === undefined || WebAssembly.validate(bytes)) {
    counts.skipped++
    return
  }
  counts.invalid++
  const hardened = hardenedOrCode(bytes)
  if (typeof hardened !== 'string' && WebAssembly.validate(hardened)) {
    difference(state, form, 'invalid module became valid')
  }
}

/** An engine's message without positions and module-specific numbers. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return `thrown ${typeof error}`
  if (error instanceof WebAssembly.LinkError) return 'LinkError'
  return `${error.constructor.name}: ${error.message.replaceAll(/\d+/g, 'N')}`
}

function compareMemories(state: State): void {
  const { original, hardened } = state.instances
  const [before, after] = [original.get(CURRENT), hardened.get(CURRENT)]
  for (const [key, value] of Object.entries(before ?? {})) {
    const other = after?.[key]
    if (!(value instanceof WebAssembly.Memory) || !(other instanceof WebAssembly.Memory)) continue
    if (Buffer.compare(Buffer.from(value.buffer), Buffer.from(other.buffer)) !== 0) {
      differences.push(`${state.file} memory ${key} differs`)
    }
  }
}

interface Action {
  readonly form: Form
  readonly module: string
  readonly field: Form
  readonly isGet: boolean
  readonly arguments: readonly Form[]
  readonly results: readonly Form[]
}

function toAction(form: Form): Action {
  const isAssertion = head(form).startsWith('assert_')
  const action = isAssertion ? (form.items[1] ?? form) : form
  const hasModule = action.items[1]?.text?.startsWith('$') === true
  const rest = action.items.slice(hasModule ? 2 : 1)
  return {
    form,
    module: hasModule ? (action.items[1]?.text ?? CURRENT) : CURRENT,
    field: rest[0] ?? action,
    isGet: head(action) === 'get',
    arguments: rest.slice(1),
    results: head(form) === 'assert_return' ? form.items.slice(2) : [],
  }
}

/** The type of a constant, also of an expected one such as `(either ...)`; undefined where it is not a number. */
function typeOf(constant: Form): string | undefined {
  const inner = head(constant) === 'either' ? constant.items[1] : constant
  return NUMERIC.exec(head(inner))?.[1]
}

function runActions(state: State, forms: readonly Form[]): void {
  const actions = forms.map(toAction)
  for (const id of new Set(actions.map(({ module }) => module))) {
    const drivers = makeDrivers(
      state,
      id,
      actions.filter(({ module }) => module === id),
    )
    if (drivers === undefined) counts.skipped += actions.length
    else runDrivers(state, drivers, actions)
  }
}

type Run = () => string

/** For each action and world a function that does it and tells the outcome. */
function makeDrivers(
  state: State,
  id: string,
  actions: readonly Action[],
): Map<Action, Record<World, Run>> | undefined {
  const [original, hardened] = WORLDS.map((world) => state.instances[world].get(id))
  if (original === undefined || hardened === undefined) return undefined
  const drivable = actions.filter(
    (action) =>
      !action.isGet &&
      [...action.arguments, ...action.results].every((form) => typeOf(form) !== undefined),
  )
  const bytes = driverModule(state.source, drivable)
  const driver = (exports: WebAssembly.Exports): WebAssembly.Exports | undefined => {
    try {
      return (
        bytes &&
        new WebAssembly.Instance(new WebAssembly.Module(bytes), {
          m: exports as WebAssembly.ModuleImports,
        }).exports
      )
    } catch {
      return undefined
    }
  }
  const drivers = { original: driver(original), hardened: driver(hardened) }
  const runs = new Map<Action, Record<World, Run>>()
  for (const action of actions) {
    const place = drivable.indexOf(action)
    const make = (world: World, exports: WebAssembly.Exports): Run =>
      place >= 0 && drivers[world] !== undefined
        ? () => drive(drivers[world] ?? {}, place)
        : () => direct(exports, action)
    runs.set(action, { original: make('original', original), hardened: make('hardened', hardened) })
  }
  return runs
}

function runDrivers(
  state: State,
  drivers: Map<Action, Record<World, Run>>,
  actions: readonly Action[],
): void {
  for (const action of actions) {
    const run = drivers.get(action)
    if (run === undefined) continue
    counts.actions++
    const [before, after] = [run.original(), run.hardened()]
    if (before !== after) difference(state, action.form, `${before} / ${after}`)
  }
}

/** A module with one function per action that makes the call and leaves the results in its memory. */
function driverModule(
  source: string,
  actions: readonly Action[],
): Uint8Array<ArrayBuffer> | undefined {
  if (actions.length === 0) return undefined
  const imports = actions.map(({ field, arguments: given, results }, index) => {
    const types = [
      `(param ${given.map(typeOf).join(' ')})`,
      `(result ${results.map(typeOf).join(' ')})`,
    ]
    return `(import "m" ${field.text} (func $f${index} ${types.join(' ')}))`
  })
  const functions = actions.map(({ arguments: given, results }, index) => {
    const locals = results.map((form, place) => `(local $r${place} ${typeOf(form)})`).join(' ')
    const call = `${given.map(({ start, end }) => source.slice(start, end)).join(' ')} call $f${index}`
    const sets = results
      .map((_, place) => `local.set $r${place}`)
      .reverse()
      .join(' ')
    const stores = results
      .map((form, place) => `i32.const ${place * 16} local.get $r${place} ${typeOf(form)}.store`)
      .join(' ')
    return `(func (export "a${index}") ${locals} ${call} ${sets} ${stores})`
  })
  const text = `(module ${imports.join('\n')} (memory (export "memory") 1) ${functions.join('\n')})`
  return encodeWithWabt(text)
}

function drive(driver: WebAssembly.Exports, index: number): string {
  const memory = driver['memory'] as WebAssembly.Memory
  const action = driver[`a${index}`] as () => void
  new Uint8Array(memory.buffer).fill(0, 0, 1024)
  try {
    action()
    return Buffer.from(memory.buffer, 0, 1024)
      .toString('hex')
      .replace(/(00)+$/, '')
  } catch (error) {
    return explain(error)
  }
}

/** Calls from JavaScript: for arguments and results that are references. */
function direct(exports: WebAssembly.Exports, action: Action): string {
  const target = exports[stringOf(action.field)]
  try {
    const value = action.isGet
      ? (target as WebAssembly.Global).value
      : (target as (...given: unknown[]) => unknown)(...action.arguments.map(toJs))
    return typeof value === 'function' || (typeof value === 'object' && value !== null)
      ? typeof value
      : String(value)
  } catch (error) {
    return explain(error)
  }
}

function toJs(form: Form): unknown {
  const text = (form.items[1]?.text ?? '').replaceAll('_', '')
  switch (head(form)) {
    case 'i32.const':
      return Number(text.replace(/^[-+]/, '')) * (text.startsWith('-') ? -1 : 1)
    case 'i64.const':
      return BigInt(text.replace(/^[-+]/, '')) * (text.startsWith('-') ? -1n : 1n)
    case 'ref.null':
      return null
    default:
      return Number.isNaN(Number(text)) ? text : Number(text)
  }
}
