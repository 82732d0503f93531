/**
 * Holds the core modules of a component to what they are given. V8 looks at what one module gives to another, but takes any
 * function of the host's for any type.
 */
import { RESERVED_PREFIX } from '../wasm/contract.ts'
import type { InterfaceImport, ModuleInterface } from '../wasm/module-interface.ts'
import { malformed, quoted, unsupported } from './errors.ts'
import {
  type CanonicalFunction,
  type ComponentPlan,
  type CoreItem,
  type LiftedFunction,
  typeOfLowered,
  type ValueType,
} from './plan.ts'
import { layoutOf, layoutOfFields } from './type-layout.ts'

/** Core values that parameters are passed as; more of them are in memory. */
const MAX_FLAT_PARAMETERS = 16

const REALLOC = '(i32, i32, i32, i32) -> i32'

/** `interfaces`: of the core instances of the plan, in their order. Throws COMPONENT_MALFORMED. */
export function checkCoreTypes(plan: ComponentPlan, interfaces: readonly ModuleInterface[]): void {
  for (const [index, { imports }] of interfaces.entries())
    for (const entry of imports) checkImport(plan, index, entry)
  const check = (item: CoreItem | undefined, wanted: string): void => {
    if (item === undefined) return
    if (item.kind === 'canon')
      throw unsupported('a canonical function in the place of one that a core module exports')
    const found = interfaces[item.instance]?.exports.find(({ name }) => name === item.name)
    if (found?.signature !== wanted)
      throw malformed(
        `the core function ${quoted(item.name)} is ${found?.signature ?? 'missing'}, wanted ${wanted}`,
      )
  }
  for (const definition of plan.functions) {
    if (definition.kind !== 'lower' && definition.kind !== 'call') continue
    check(definition.options.realloc, REALLOC)
    if (definition.kind === 'call') checkLifted(definition.lifted, check)
  }
  for (const { destructor } of plan.resources.values()) check(destructor, '(i32) -> ()')
  if (plan.entry !== undefined) checkLifted(plan.entry.lifted, check)
}

function checkImport(plan: ComponentPlan, index: number, entry: InterfaceImport): void {
  const { module, name, signature } = entry
  if (module.startsWith(RESERVED_PREFIX) || name.startsWith(RESERVED_PREFIX))
    throw malformed(`a core module imports ${quoted(name)}, wanted none of ${RESERVED_PREFIX}`)
  const given = plan.instances[index]?.arguments.get(module)
  if (given === undefined)
    throw malformed(`a core module imports from ${quoted(module)}, and is not given it`)
  if (given.kind === 'instance') return
  const item = given.items.get(name)
  if (item === undefined)
    throw malformed(
      `a core module imports ${quoted(name)} of ${quoted(module)}, and is not given it`,
    )
  if (item.kind !== 'canon') return
  const definition = plan.functions[item.index]
  const wanted = definition === undefined ? 'none' : loweredSignature(definition)
  if (signature !== wanted)
    throw malformed(
      `a core module imports ${quoted(name)} as ${signature ?? entry.kind}, wanted ${wanted}`,
    )
}

function loweredSignature(definition: CanonicalFunction): string {
  if (definition.kind === 'resource.drop') return '(i32) -> ()'
  if (definition.kind !== 'lower' && definition.kind !== 'call') return '(i32) -> i32'
  const { parameters, result } = typeOfLowered(definition)
  const passed = passedAs(parameters)
  const results = result === undefined ? [] : layoutOf(result).flat
  if (results.length > 1) passed.push('i32')
  return `(${passed.join(', ')}) -> ${results.length === 1 ? results[0] : '()'}`
}

/** Whether what a function is called with is too much to be passed as core values: then it is in memory. */
export function arePassedInMemory(parameters: readonly ValueType[]): boolean {
  return layoutOfFields(parameters).flat.length > MAX_FLAT_PARAMETERS
}

/** What a function is called with. */
function passedAs(parameters: readonly ValueType[]): string[] {
  return arePassedInMemory(parameters) ? ['i32'] : [...layoutOfFields(parameters).flat]
}

/** Its results, more than one of which are in memory, are what `post-return` is given. */
function checkLifted(
  { core, type, options }: LiftedFunction,
  check: (item: CoreItem | undefined, wanted: string) => void,
): void {
  const results = type.result === undefined ? [] : layoutOf(type.result).flat
  const answered = results.length > 1 ? 'i32' : (results[0] ?? '()')
  check(core, `(${passedAs(type.parameters).join(', ')}) -> ${answered}`)
  check(options.realloc, REALLOC)
  check(options.postReturn, `(${answered === '()' ? '' : answered}) -> ()`)
}
