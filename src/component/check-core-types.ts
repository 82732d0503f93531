/**
 * Holds the core modules of a component to what they are given. V8 looks at what one module gives to another, but takes any
 * function of the host's for any type.
 */
import { RESERVED_PREFIX } from '../wasm/contract.ts'
import type { InterfaceExport, InterfaceImport, ModuleInterface } from '../wasm/module-interface.ts'
import type { BuiltinName } from './definition.ts'
import { malformed, quoted, unsupported } from './errors.ts'
import {
  type BuiltinFunction,
  type CanonicalFunction,
  type ComponentPlan,
  type CoreItem,
  type LiftedFunction,
  type LoweredFunction,
  typeOfLowered,
  type ValueType,
} from './plan.ts'
import { layoutOf, layoutOfFields } from './type-layout.ts'

/** Core values that parameters are passed as, and those of an async call of the host's; more of them are in memory. */
const MAX_FLAT_PARAMETERS = 16
const FLAT_ASYNC_PARAMETERS = 4

const REALLOC = '(i32, i32, i32, i32) -> i32'

/** `interfaces`: of the core instances of the plan, in their order. Throws COMPONENT_MALFORMED. */
export function checkCoreTypes(plan: ComponentPlan, interfaces: readonly ModuleInterface[]): void {
  const exports = exportsOf(interfaces)
  for (const [index, { imports }] of interfaces.entries())
    for (const entry of imports) {
      const item = givenFor(plan, index, entry)
      if (item.kind === 'canon') checkFunction(plan, item.index, entry)
      else checkExport(exports, item, entry)
    }
  const check = (item: CoreItem | undefined, wanted: string): void => {
    if (item === undefined) return
    if (item.kind === 'canon')
      throw unsupported('a canonical function in the place of one that a core module exports')
    const found = exportOf(exports, item)
    if (found?.signature !== wanted)
      throw malformed(
        `the core function ${quoted(item.name)} is ${found?.signature ?? 'missing'}, wanted ${wanted}`,
      )
  }
  for (const definition of plan.functions) {
    if (!('options' in definition)) continue
    check(definition.options.realloc, REALLOC)
    checkMemory(exports, definition.options.memory)
    if (definition.kind === 'call') checkLifted(definition.lifted, check)
  }
  for (const { destructor } of plan.resources.values()) check(destructor, '(i32) -> ()')
  if (plan.entry === undefined) return
  checkLifted(plan.entry.lifted, check)
  checkMemory(exports, plan.entry.lifted.options.memory)
}

function checkMemory(exports: Exports, item: CoreItem | undefined): void {
  if (item?.kind !== 'export') return
  const found = exportOf(exports, item)
  if (found?.kind !== 'memory')
    throw malformed(`the memory ${quoted(item.name)} is ${found?.kind ?? 'missing'}, wanted it`)
}

type ExportItem = Extract<CoreItem, { readonly kind: 'export' }>

/** Of core instances, in their order, by their names. */
type Exports = ReadonlyArray<ReadonlyMap<string, InterfaceExport>>

/** Instances of one module have one map. */
function exportsOf(interfaces: readonly ModuleInterface[]): Exports {
  const made = new Map<ModuleInterface, ReadonlyMap<string, InterfaceExport>>()
  return interfaces.map((one) => {
    const known = made.get(one) ?? new Map(one.exports.map((entry) => [entry.name, entry]))
    made.set(one, known)
    return known
  })
}

function exportOf(exports: Exports, { instance, name }: ExportItem): InterfaceExport | undefined {
  return exports[instance]?.get(name)
}

/** What a core module is given that another one exports. */
function checkExport(
  exports: Exports,
  item: ExportItem,
  { kind, signature }: InterfaceImport,
): void {
  const found = exportOf(exports, item)
  if (found?.kind === kind && found.signature === signature) return
  const actual = found?.signature ?? found?.kind ?? 'missing'
  throw malformed(
    `the core item ${quoted(item.name)} is ${actual}, and a core module imports ${signature ?? kind}`,
  )
}

/** What a core module is given for what it imports. */
function givenFor(plan: ComponentPlan, index: number, { module, name }: InterfaceImport): CoreItem {
  if (module.startsWith(RESERVED_PREFIX) || name.startsWith(RESERVED_PREFIX))
    throw malformed(`a core module imports ${quoted(name)}, wanted none of ${RESERVED_PREFIX}`)
  const given = plan.instances[index]?.arguments.get(module)
  if (given === undefined)
    throw malformed(`a core module imports from ${quoted(module)}, and is not given it`)
  if (given.kind === 'instance') return { kind: 'export', instance: given.index, name }
  const item = given.items.get(name)
  if (item === undefined)
    throw malformed(
      `a core module imports ${quoted(name)} of ${quoted(module)}, and is not given it`,
    )
  return item
}

function checkFunction(plan: ComponentPlan, index: number, entry: InterfaceImport): void {
  const { kind, name, signature } = entry
  const definition = plan.functions[index]
  const wanted = definition === undefined ? 'none' : signatureOf(definition)
  if (signature !== wanted)
    throw malformed(
      `a core module imports ${quoted(name)} as ${signature ?? kind}, wanted ${wanted}`,
    )
}

function signatureOf(definition: CanonicalFunction): string {
  switch (definition.kind) {
    case 'lower':
    case 'call':
      return loweredSignature(definition)
    case 'builtin':
      return builtinSignature(definition)
    case 'resource.drop':
      return '(i32) -> ()'
    default:
      return '(i32) -> i32'
  }
}

function loweredSignature(definition: LoweredFunction): string {
  const { parameters, result } = typeOfLowered(definition)
  const { isAsync } = definition.options
  const passed = passedAs(parameters, isAsync)
  const results = result === undefined ? [] : layoutOf(result).flat
  if (isAsync) {
    if (results.length > 0) passed.push('i32')
    return `(${passed.join(', ')}) -> i32`
  }
  if (results.length > 1) passed.push('i32')
  return `(${passed.join(', ')}) -> ${results.length === 1 ? results[0] : '()'}`
}

const BUILTINS: Readonly<Record<Exclude<BuiltinName, 'task.return'>, string>> = {
  'task.cancel': '() -> ()',
  'context.get': '() -> i32',
  'context.set': '(i32) -> ()',
  'backpressure.inc': '() -> ()',
  'backpressure.dec': '() -> ()',
  'thread.yield': '() -> i32',
  'subtask.cancel': '(i32) -> i32',
  'subtask.drop': '(i32) -> ()',
  'error-context.new': '(i32, i32) -> i32',
  'error-context.debug-message': '(i32, i32) -> ()',
  'error-context.drop': '(i32) -> ()',
  'waitable-set.new': '() -> i32',
  'waitable-set.wait': '(i32, i32) -> i32',
  'waitable-set.poll': '(i32, i32) -> i32',
  'waitable-set.drop': '(i32) -> ()',
  'waitable.join': '(i32, i32) -> ()',
  'stream.new': '() -> i64',
  'stream.read': '(i32, i32, i32) -> i32',
  'stream.write': '(i32, i32, i32) -> i32',
  'stream.cancel-read': '(i32) -> i32',
  'stream.cancel-write': '(i32) -> i32',
  'stream.drop-readable': '(i32) -> ()',
  'stream.drop-writable': '(i32) -> ()',
  'future.new': '() -> i64',
  'future.read': '(i32, i32) -> i32',
  'future.write': '(i32, i32) -> i32',
  'future.cancel-read': '(i32) -> i32',
  'future.cancel-write': '(i32) -> i32',
  'future.drop-readable': '(i32) -> ()',
  'future.drop-writable': '(i32) -> ()',
}

function builtinSignature({ name, type }: BuiltinFunction): string {
  if (name !== 'task.return') return BUILTINS[name]
  return `(${type === undefined ? '' : passedAs([type], false).join(', ')}) -> ()`
}

/** Whether what a function is called with is too much to be passed as core values: then it is in memory. `isAsync`: of a call of the guest's. */
export function arePassedInMemory(parameters: readonly ValueType[], isAsync = false): boolean {
  const most = isAsync ? FLAT_ASYNC_PARAMETERS : MAX_FLAT_PARAMETERS
  return layoutOfFields(parameters).flat.length > most
}

/** What a function is called with. */
function passedAs(parameters: readonly ValueType[], isAsync: boolean): string[] {
  return arePassedInMemory(parameters, isAsync) ? ['i32'] : [...layoutOfFields(parameters).flat]
}

/** Its results, more than one of which are in memory, are what `post-return` is given. One that is async answers by `task.return`. */
function checkLifted(
  { core, type, options }: LiftedFunction,
  check: (item: CoreItem | undefined, wanted: string) => void,
): void {
  const { isAsync, callback } = options
  const results = type.result === undefined ? [] : layoutOf(type.result).flat
  const returned = results.length > 1 ? 'i32' : (results[0] ?? '()')
  const goesOn = callback === undefined ? '()' : 'i32'
  const answered = isAsync ? goesOn : returned
  check(core, `(${passedAs(type.parameters, false).join(', ')}) -> ${answered}`)
  check(options.realloc, REALLOC)
  check(callback, '(i32, i32, i32) -> i32')
  check(options.postReturn, `(${answered === '()' ? '' : answered}) -> ()`)
}
