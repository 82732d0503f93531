/**
 * Resolves a component: follows its definitions, those of the components in it included, as instantiating it would, and writes down
 * what that comes to. Nothing runs, and names are looked up in maps only.
 *
 * Not taken: modules, functions and values as imports, and start functions.
 */

import { RESERVED_PREFIX } from '../wasm/contract.ts'
import type { Span } from '../wasm/wasm-module.ts'
import { checkGiven } from './check-given.ts'
import type { Definition, Description, Named, Reference } from './definition.ts'
import { ComponentError, malformed, quoted, unsupported } from './errors.ts'
import { checkComponentLimit } from './limits.ts'
import type {
  CanonicalFunction,
  ComponentPlan,
  CoreArgument,
  CoreInstance,
  CoreItem,
  Entry,
  LiftedFunction,
  OwnResource,
} from './plan.ts'
import { builtinFunction, functionType, resolveOptions } from './resolve-functions.ts'
import { partsOfFunction, resolveValueType } from './resolve-type.ts'
import { type FunctionItem, type InstanceItem, type Item, Scope, type TypeValue } from './scope.ts'

/** `wasi:io/streams@0.2.10`: all of 0.2 are one, as far as they go. `wasi:config` and `wasi:keyvalue` are drafts still, told apart by their types. */
const WASI_NAME = /^(wasi:[a-z-]+\/[a-z-]+)@0\.2\.(?:\d{1,4}|0-draft2?|0-rc\.1)$/
/** So are all of 0.3; its drafts are not. */
const WASI_3_NAME = /^(wasi:[a-z-]+\/[a-z-]+@0\.3)\.\d{1,4}$/
/** The first of these that is there is called: compilers for 0.3 leave a `main` of 0.2 beside it that does nothing but trap. */
const ENTRIES: ReadonlyArray<
  readonly [from: string, name: string, of: Pick<Entry, 'world' | 'wasi'>]
> = [
  ['wasi:http/handler@0.3', 'handle', { world: 'http', wasi: '0.3' }],
  ['wasi:http/incoming-handler', 'handle', { world: 'http', wasi: '0.2' }],
  ['wasi:cli/run@0.3', 'run', { world: 'command', wasi: '0.3' }],
  ['wasi:cli/run', 'run', { world: 'command', wasi: '0.2' }],
]

/** Without its version; that of 0.3 is told apart by its own. */
function wasiName(name: string): string | undefined {
  return (WASI_NAME.exec(name) ?? WASI_3_NAME.exec(name))?.[1]
}

/** Throws `ComponentError`. Takes `COMPONENT_LIMITS.steps` at most. */
export function resolveComponent(definitions: readonly Definition[]): ComponentPlan {
  return new Resolver().resolve(definitions)
}

class Resolver {
  readonly #modules: Span[] = []
  readonly #moduleIndices = new Map<number, number>()
  readonly #instances: CoreInstance[] = []
  readonly #functions: CanonicalFunction[] = []
  readonly #resources = new Map<string, OwnResource>()
  readonly #imports: string[] = []
  #owners = 0
  #steps = 0

  resolve(definitions: readonly Definition[]): ComponentPlan {
    const root = new Scope(undefined, this.#owners++)
    const exports = this.#follow(definitions, root, (name, description) =>
      this.#import(name, description, root),
    )
    return {
      modules: this.#modules,
      instances: this.#instances,
      functions: this.#functions,
      resources: this.#resources,
      imports: this.#imports,
      exports: [...exports.keys()],
      entry: entryOf(exports),
      owners: this.#owners,
    }
  }

  #follow(
    definitions: readonly Definition[],
    scope: Scope,
    supply: (name: string, description: Description) => Item,
  ): InstanceItem {
    const exports = new Map<string, Item>()
    for (const definition of definitions) {
      this.#step(1)
      if (definition.kind === 'import') {
        scope.add(supply(definition.name, definition.description))
      } else if (definition.kind === 'export') {
        const item = scope.item(definition.reference)
        addExport(exports, definition.name, item)
        scope.add(item)
      } else scope.add(this.#define(definition, scope))
    }
    return exports
  }

  readonly #step = (steps: number): void => {
    this.#steps += steps
    checkComponentLimit('steps', this.#steps)
  }

  #define(definition: Definition, scope: Scope): Item {
    switch (definition.kind) {
      case 'core module':
        return { sort: 'core module', value: this.#moduleIndex(definition) }
      case 'core instance':
        return { sort: 'core instance', value: this.#instantiateCore(definition, scope) }
      case 'core exports': {
        const items = coreItems(definition.exports, scope)
        return { sort: 'core instance', value: { kind: 'items', items } }
      }
      case 'component':
        return { sort: 'component', value: { definitions: definition.definitions, scope } }
      case 'instance':
        return { sort: 'instance', value: this.#instantiate(definition, scope) }
      case 'exports': {
        const exports = new Map<string, Item>()
        for (const [name, reference] of definition.exports)
          addExport(exports, name, scope.item(reference))
        return { sort: 'instance', value: exports }
      }
      case 'alias': {
        const found = scope.get('instance', definition.instance).get(definition.name)
        if (found === undefined || found.sort !== definition.sort)
          throw malformed(`no ${definition.sort} ${quoted(definition.name)} in its instance`)
        return found
      }
      case 'core alias': {
        const { sort, instance, name } = definition
        return scope.core(sort, coreExport(scope.get('core instance', instance), name))
      }
      case 'outer alias':
        return scope.outer(definition.depth).item(definition)
      case 'type':
        return { sort: 'type', value: this.#type(definition, scope) }
      case 'lift':
        return { sort: 'func', value: this.#lift(definition, scope) }
      case 'lower':
        return this.#canon(this.#lower(definition, scope))
      case 'resource.new':
      case 'resource.drop':
      case 'resource.rep':
        return this.#canon(this.#resourceFunction(definition, scope))
      case 'builtin':
        return this.#canon(builtinFunction(definition, scope))
      default:
        throw malformed(`found ${definition.kind} in a component, wanted a definition`)
    }
  }

  /** A component that is instantiated twice has its modules once. */
  #moduleIndex({ start, end }: Span): number {
    const index = this.#moduleIndices.get(start) ?? this.#modules.push({ start, end }) - 1
    this.#moduleIndices.set(start, index)
    return index
  }

  #instantiateCore(
    definition: Extract<Definition, { kind: 'core instance' }>,
    scope: Scope,
  ): CoreArgument {
    const given = new Map<string, CoreArgument>()
    for (const [name, index] of definition.arguments) {
      refuseReserved(name)
      given.set(name, scope.get('core instance', index))
    }
    const module = scope.get('core module', definition.module)
    const index = this.#instances.push({ module, arguments: given }) - 1
    checkComponentLimit('coreInstances', index + 1)
    return { kind: 'instance', index }
  }

  #instantiate(
    { component, arguments: given }: Extract<Definition, { kind: 'instance' }>,
    scope: Scope,
  ): InstanceItem {
    const { definitions, scope: outer } = scope.get('component', component)
    const items = new Map<string, Item>()
    for (const [name, reference] of given) items.set(name, scope.item(reference))
    const inner = new Scope(outer, this.#owners++)
    checkComponentLimit('instances', this.#owners)
    checkComponentLimit('nesting', inner.depth)
    return this.#follow(definitions, inner, (name, description) => {
      const item = items.get(name)
      if (item === undefined)
        throw malformed(`a component in it imports ${quoted(name)}, and is not given it`)
      checkGiven({ name, item, description }, inner, {
        step: this.#step,
        define: (declaration, own) => this.#define(declaration, own),
      })
      return item
    })
  }

  #type({ type }: Extract<Definition, { kind: 'type' }>, scope: Scope): TypeValue {
    switch (type.kind) {
      case 'func':
        return { kind: 'func', type: functionType(type, scope) }
      case 'instance type':
      case 'component type':
        return { kind: type.kind, declarations: type.declarations, scope }
      case 'resource': {
        const resource = `own:${this.#resources.size}`
        const { destructor } = type
        this.#resources.set(resource, {
          owner: scope.owner,
          destructor: destructor === undefined ? undefined : scope.get('core func', destructor),
        })
        return { kind: 'resource', resource }
      }
      default:
        return { kind: 'value', type: resolveValueType(type, (index) => scope.valueType(index)) }
    }
  }

  #lift(definition: Extract<Definition, { kind: 'lift' }>, scope: Scope): FunctionItem {
    const type = scope.functionType(definition.type)
    const { isAsync, callback, postReturn } = definition.options
    if (isAsync && !type.isAsync) throw malformed('a function is lifted async that is not')
    if (isAsync ? postReturn !== undefined : callback !== undefined)
      throw malformed(
        'a function has a callback and is not lifted async, or is and has post-return',
      )
    const lifted: LiftedFunction = {
      core: scope.get('core func', definition.function),
      type,
      options: resolveOptions(definition.options, scope),
      owner: scope.owner,
    }
    return { kind: 'lifted', lifted }
  }

  #lower(definition: Extract<Definition, { kind: 'lower' }>, scope: Scope): CanonicalFunction {
    const found = scope.get('func', definition.function)
    const options = resolveOptions(definition.options, scope)
    const { owner } = scope
    if (found.kind === 'lifted') {
      this.#step(partsOfFunction(found.lifted.type))
      return { kind: 'call', lifted: found.lifted, options, owner }
    }
    const { interface: from, name, type } = found
    return { kind: 'lower', interface: from, name, type, options, owner }
  }

  /** Whoever did not define a resource knows nothing of it but its handles. */
  #resourceFunction(
    definition: Extract<Definition, { readonly resource: number }>,
    scope: Scope,
  ): CanonicalFunction {
    const { kind } = definition
    const { owner } = scope
    const resource = scope.resource(definition.resource)
    if (kind !== 'resource.drop' && this.#resources.get(resource)?.owner !== owner)
      throw malformed(`it has ${kind} of a resource that it has not defined`)
    return { kind, resource, owner }
  }

  #canon(definition: CanonicalFunction): Item {
    const index = this.#functions.push(definition) - 1
    return { sort: 'core func', value: { kind: 'canon', index } }
  }

  /** What the component itself imports: instances of WASI, of which the types are taken as they are said to be. */
  #import(name: string, description: Description, scope: Scope): Item {
    this.#imports.push(name)
    const wasi = wasiName(name)
    if (wasi === undefined || description.kind !== 'instance') {
      throw new ComponentError('COMPONENT_IMPORT', {
        doing: 'run',
        problem: `it imports ${quoted(name)} (${description.kind}), wanted interfaces of WASI 0.2 and 0.3 only, such as "wasi:io/streams@0.2.10" or "wasi:http/types@0.3.0"`,
      })
    }
    const type = scope.get('type', description.type)
    if (type.kind !== 'instance type')
      throw malformed(`the import ${quoted(name)} is no instance, wanted one`)
    return { sort: 'instance', value: this.#imported(wasi, type) }
  }

  #imported(
    wasi: string,
    { declarations, scope: outer }: Extract<TypeValue, { declarations: unknown }>,
  ): InstanceItem {
    const scope = new Scope(outer, outer.owner)
    const exports = new Map<string, Item>()
    for (const declaration of declarations) {
      this.#step(1)
      if (declaration.kind === 'export type') {
        const item = importedItem(wasi, declaration, scope)
        addExport(exports, declaration.name, item)
        scope.add(item)
      } else scope.add(this.#define(declaration, scope))
    }
    return exports
  }
}

function importedItem(
  wasi: string,
  { name, description }: Extract<Definition, { kind: 'export type' }>,
  scope: Scope,
): Item {
  switch (description.kind) {
    case 'func': {
      const type = scope.functionType(description.type)
      return { sort: 'func', value: { kind: 'imported', interface: wasi, name, type } }
    }
    case 'type':
      return { sort: 'type', value: scope.get('type', description.equals) }
    case 'resource':
      return { sort: 'type', value: { kind: 'resource', resource: `${wasi}#${name}` } }
    default:
      throw unsupported(`an import that holds a ${description.kind}`)
  }
}

function coreItems(
  exports: ReadonlyArray<Named<Reference>>,
  scope: Scope,
): ReadonlyMap<string, CoreItem> {
  const items = new Map<string, CoreItem>()
  for (const [name, reference] of exports) {
    refuseReserved(name)
    items.set(name, scope.coreItem(reference))
  }
  return items
}

/** What hardening adds to a module is the host's. */
function refuseReserved(name: string): void {
  if (name.startsWith(RESERVED_PREFIX))
    throw malformed(
      `found the name ${quoted(name)}, wanted none that begins with ${RESERVED_PREFIX}`,
    )
}

function coreExport(instance: CoreArgument, name: string): CoreItem {
  refuseReserved(name)
  if (instance.kind === 'instance') return { kind: 'export', instance: instance.index, name }
  const item = instance.items.get(name)
  if (item === undefined) throw malformed(`no ${quoted(name)} in its core instance`)
  return item
}

function addExport(exports: Map<string, Item>, name: string, item: Item): void {
  if (exports.has(name)) throw malformed(`it exports ${quoted(name)} twice, wanted it once`)
  exports.set(name, item)
}

function entryOf(exports: InstanceItem): Entry | undefined {
  for (const [from, own, of] of ENTRIES)
    for (const [name, item] of exports) {
      if (wasiName(name) !== from || item.sort !== 'instance') continue
      const found = item.value.get(own)
      if (found?.sort === 'func' && found.value.kind === 'lifted')
        return { ...of, lifted: found.value.lifted }
    }
  return undefined
}
