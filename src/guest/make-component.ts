/** Compiles a hardened component: each of its core modules, and what is to be done with them. */

import { checkCoreTypes } from '../component/check-core-types.ts'
import { checkPlan } from '../component/host/wasi-functions.ts'
import type { ComponentPlan, CoreItem, LiftedFunction, ResolvedOptions } from '../component/plan.ts'
import { readComponent } from '../component/read-component.ts'
import { resolveComponent } from '../component/resolve-component.ts'
import type { WasiHost } from '../wasi/host.ts'
import { RESERVED_PREFIX } from '../wasm/contract.ts'
import type { MemorySize } from '../wasm/import-memories.ts'
import { type ModuleInterface, readInterface } from '../wasm/module-interface.ts'
import { type CompiledCore, compileCore, dropImages } from './compile-core.ts'
import { type ComponentParts, ComponentProgram } from './component-program.ts'
import { GuestError } from './errors.ts'
import type { Contract } from './guest-contract.ts'
import type { ComponentPart, GuestModule, ImagePlace } from './guest-module.ts'
import type { GuestProgram } from './guest-program.ts'

export interface ComponentSource {
  readonly name: string
  /** What it has to be. Default: what it is. */
  readonly contract?: Contract | undefined
}

/** What is its own of the module. */
export type CompiledComponent = Pick<
  GuestModule,
  'module' | 'wasiNames' | 'memories' | 'images' | 'component'
>

/** Instantiates one. */
export function startComponent(
  module: GuestModule,
  host: WasiHost,
  parts: ComponentParts,
): GuestProgram {
  return new ComponentProgram(module, host, parts)
}

/** Throws `GuestError`, `ComponentError` and `WasmError`. */
export async function compileComponent(
  hardened: Uint8Array<ArrayBuffer>,
  { name, contract }: ComponentSource,
): Promise<CompiledComponent> {
  if (contract === 'reactor')
    throw new GuestError(
      'GUEST_WRONG_CONTRACT',
      `Cannot run ${name}: it is a component, wanted a reactor for a [[runtime]]`,
    )
  const plan = resolveComponent(readComponent(hardened))
  checkPlan(plan)
  const cores = plan.modules.map(({ start, end }) => hardened.subarray(start, end))
  const own = cores.map(readInterface)
  const interfaces = plan.instances.map(({ module }) => own[module] ?? NOTHING)
  checkCoreTypes(plan, interfaces)
  const names = wantedNames(plan, interfaces)
  const memories: MemorySize[] = []
  const images: ImagePlace[] = []
  const parts: ComponentPart[] = []
  const wanted = (asked: string): boolean => names.has(asked) || asked.startsWith(RESERVED_PREFIX)
  const compiledCores: CompiledCore[] = []
  try {
    for (const core of cores) compiledCores.push(await compileCore(core, { name, wanted }))
    for (const { module } of plan.instances) {
      const compiled = compiledCores[module]
      if (compiled === undefined)
        throw new Error(`Cannot compile ${name}: no core module ${module}`)
      const firstMemory = memories.length
      for (const image of compiled.images)
        images.push({ ...image, memory: image.memory + firstMemory })
      memories.push(...compiled.memories)
      parts.push({ module: compiled.module, firstMemory, memories: compiled.memories.length })
    }
    const [first] = parts
    if (first === undefined)
      throw new GuestError(
        'GUEST_WRONG_CONTRACT',
        `Cannot run ${name}: it instantiates no core module, wanted one`,
      )
    const { module } = first
    return { module, wasiNames: new Set(), memories, images, component: { plan, parts } }
  } catch (error) {
    for (const compiled of compiledCores) dropImages(compiled.images)
    throw error
  }
}

const NOTHING: ModuleInterface = { imports: [], exports: [] }

/** What anything in the component may ask any of its core instances for. */
function wantedNames(
  plan: ComponentPlan,
  interfaces: readonly ModuleInterface[],
): ReadonlySet<string> {
  const names = new Set<string>()
  const add = (item: CoreItem | undefined): void => {
    if (item?.kind === 'export') names.add(item.name)
  }
  for (const { imports } of interfaces) for (const entry of imports) names.add(entry.name)
  for (const { arguments: given } of plan.instances)
    for (const argument of given.values())
      if (argument.kind === 'items') for (const item of argument.items.values()) add(item)
  const addOptions = ({ memory, realloc, postReturn, callback }: ResolvedOptions): void => {
    for (const item of [memory, realloc, postReturn, callback]) add(item)
  }
  const addLifted = ({ core, options }: LiftedFunction): void => {
    add(core)
    addOptions(options)
  }
  for (const definition of plan.functions) {
    if ('options' in definition) addOptions(definition.options)
    if (definition.kind === 'call') addLifted(definition.lifted)
  }
  for (const { destructor } of plan.resources.values()) add(destructor)
  if (plan.entry !== undefined) addLifted(plan.entry.lifted)
  return names
}
