/** What is to be done to instantiate a component: plain data, nothing of it unresolved. `resolve-component.ts` makes it. */

import type { Span } from '../wasm/wasm-module.ts'
import type { BuiltinName, CanonicalOptions, Named } from './definition.ts'

export type ValueType =
  | { readonly kind: 'primitive'; readonly of: string }
  | { readonly kind: 'record' | 'tuple'; readonly fields: ReadonlyArray<Named<ValueType>> }
  /** `option` and `result` have cases, too. */
  | {
      readonly kind: 'variant' | 'enum' | 'option' | 'result'
      readonly cases: ReadonlyArray<Named<ValueType | undefined>>
    }
  | { readonly kind: 'list'; readonly element: ValueType }
  | { readonly kind: 'flags'; readonly names: readonly string[] }
  /** What has no element is told of only. */
  | { readonly kind: 'stream' | 'future'; readonly element: ValueType | undefined }
  /** `resource`: one string for each resource, however many names it has. */
  | { readonly kind: 'own' | 'borrow'; readonly resource: string }

export interface FunctionType {
  /** Whether it may wait before it answers. */
  readonly isAsync: boolean
  readonly parameters: readonly ValueType[]
  readonly result: ValueType | undefined
}

/** Something of core WebAssembly: what an instance of the plan exports, or one of its canonical functions. */
export type CoreItem =
  | { readonly kind: 'export'; readonly instance: number; readonly name: string }
  | { readonly kind: 'canon'; readonly index: number }

export interface ResolvedOptions {
  readonly encoding: CanonicalOptions['encoding']
  readonly memory: CoreItem | undefined
  readonly realloc: CoreItem | undefined
  readonly postReturn: CoreItem | undefined
  readonly isAsync: boolean
  readonly callback: CoreItem | undefined
}

export type CanonicalFunction =
  | {
      readonly kind: 'lower'
      /** `wasi:io/streams`, without a version. */
      readonly interface: string
      readonly name: string
      readonly type: FunctionType
      readonly options: ResolvedOptions
      /** Which instance of a component, of those in this one: each has handles of its own. */
      readonly owner: number
    }
  /** Of one component in this one by another one. `owner`: of the caller, as are the options. */
  | {
      readonly kind: 'call'
      readonly lifted: LiftedFunction
      readonly options: ResolvedOptions
      readonly owner: number
    }
  | {
      readonly kind: 'resource.new' | 'resource.drop' | 'resource.rep'
      readonly resource: string
      readonly owner: number
    }
  | BuiltinFunction

export interface BuiltinFunction {
  readonly kind: 'builtin'
  readonly name: BuiltinName
  /** Of `stream.*` and `future.*`: of that; of `task.return`: what is answered. */
  readonly type: ValueType | undefined
  readonly options: ResolvedOptions
  /** As of its definition. */
  readonly slot: number
  readonly owner: number
}

/** Of what a core module calls: a function of the host's, or of another component. */
export type LoweredFunction = Extract<CanonicalFunction, { kind: 'lower' | 'call' }>

export function typeOfLowered(definition: LoweredFunction): FunctionType {
  return definition.kind === 'call' ? definition.lifted.type : definition.type
}

/** What one instance of a core module is given, by the name of the imported module. */
export type CoreArgument =
  | { readonly kind: 'instance'; readonly index: number }
  | { readonly kind: 'items'; readonly items: ReadonlyMap<string, CoreItem> }

export interface CoreInstance {
  /** Index. */
  readonly module: number
  readonly arguments: ReadonlyMap<string, CoreArgument>
}

export interface LiftedFunction {
  readonly core: CoreItem
  readonly type: FunctionType
  readonly options: ResolvedOptions
  readonly owner: number
}

/** A resource that is not the host's. */
export interface OwnResource {
  /** Which instance of a component has defined it. */
  readonly owner: number
  readonly destructor: CoreItem | undefined
}

/** Which of WASI's worlds a component is of: `handle` of wasi:http's incoming-handler (0.2) or handler (0.3), or `run` of wasi:cli. */
export type World = 'http' | 'command'

export interface Entry {
  readonly world: World
  readonly wasi: '0.2' | '0.3'
  readonly lifted: LiftedFunction
}

export interface ComponentPlan {
  /** Core modules, as they stand in the component. */
  readonly modules: readonly Span[]
  /** In this order. */
  readonly instances: readonly CoreInstance[]
  readonly functions: readonly CanonicalFunction[]
  /** The resources that components define. */
  readonly resources: ReadonlyMap<string, OwnResource>
  /** What it imports, as it calls it. */
  readonly imports: readonly string[]
  readonly exports: readonly string[]
  /** What is called for a request; undefined: it exports nothing that could be. */
  readonly entry: Entry | undefined
  /** How many instances of components there are, itself and those in it. */
  readonly owners: number
}
