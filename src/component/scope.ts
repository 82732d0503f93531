/** What has an index while a component is resolved: an index space for each sort, and the components around it. */
import type { Definition, Reference, Sort } from './definition.ts'
import { malformed } from './errors.ts'
import type { CoreArgument, CoreItem, FunctionType, LiftedFunction } from './plan.ts'
import type { TypeItem } from './resolve-type.ts'

export type FunctionItem =
  | {
      readonly kind: 'imported'
      readonly interface: string
      readonly name: string
      readonly type: FunctionType
    }
  | { readonly kind: 'lifted'; readonly lifted: LiftedFunction }

/** Exports by name. */
export type InstanceItem = ReadonlyMap<string, Item>

export type TypeValue =
  | TypeItem
  | { readonly kind: 'func'; readonly type: FunctionType }
  | {
      readonly kind: 'instance type' | 'component type'
      readonly declarations: readonly Definition[]
      readonly scope: Scope
    }

interface Values {
  'core func': CoreItem
  'core table': CoreItem
  'core memory': CoreItem
  'core global': CoreItem
  'core module': number
  'core instance': CoreArgument
  func: FunctionItem
  type: TypeValue
  component: { readonly definitions: readonly Definition[]; readonly scope: Scope }
  instance: InstanceItem
}

export type Item = { [S in Sort]: { readonly sort: S; readonly value: Values[S] } }[Sort]

export class Scope {
  /** Of the instance of a component. */
  readonly owner: number
  readonly depth: number
  readonly #outer: Scope | undefined
  readonly #items = new Map<Sort, Item[]>()

  constructor(outer: Scope | undefined, owner: number) {
    this.#outer = outer
    this.owner = owner
    this.depth = outer === undefined ? 0 : outer.depth + 1
  }

  add(item: Item): void {
    const items = this.#items.get(item.sort)
    if (items === undefined) this.#items.set(item.sort, [item])
    else items.push(item)
  }

  item({ sort, index }: Reference): Item {
    const item = this.#items.get(sort)?.[index]
    if (item === undefined) throw malformed(`there is no ${sort} ${index}`)
    return item
  }

  get<S extends Sort>(sort: S, index: number): Values[S] {
    return this.item({ sort, index }).value as Values[S]
  }

  outer(depth: number): Scope {
    let scope: Scope | undefined = this
    for (let step = 0; step < depth && scope !== undefined; step++) scope = scope.#outer
    if (scope === undefined) throw malformed(`there are no ${depth} components around it`)
    return scope
  }

  /** Of core WebAssembly: a function, a table, a memory or a global. */
  core(sort: Sort, value: CoreItem): Item {
    if (sort === 'core func' || sort === 'core table') return { sort, value }
    if (sort === 'core memory' || sort === 'core global') return { sort, value }
    throw malformed(`found a ${sort}, wanted something that a core module exports`)
  }

  coreItem(reference: Reference): CoreItem {
    const item = this.item(reference)
    if (item.sort === 'core func' || item.sort === 'core table') return item.value
    if (item.sort === 'core memory' || item.sort === 'core global') return item.value
    throw malformed(`found a ${item.sort}, wanted something that a core module can import`)
  }

  functionType(index: number): FunctionType {
    const found = this.get('type', index)
    if (found.kind !== 'func') throw malformed(`type ${index} is no function's, wanted one`)
    return found.type
  }

  resource(index: number): string {
    const found = this.get('type', index)
    if (found.kind !== 'resource') throw malformed(`type ${index} is no resource, wanted one`)
    return found.resource
  }

  valueType(index: number): TypeItem {
    const found = this.get('type', index)
    if (found.kind === 'value' || found.kind === 'resource') return found
    throw malformed(`type ${index} is a ${found.kind}, wanted a type of values`)
  }
}
