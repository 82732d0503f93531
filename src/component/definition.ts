/**
 * A component as `readComponent` leaves it: its definitions in their order, indices unresolved. The terms are those of the
 * component model's binary format.
 */

/** Kinds of what has an index. Those of core WebAssembly have an index space of their own each. */
export type Sort =
  | 'core func'
  | 'core table'
  | 'core memory'
  | 'core global'
  | 'core module'
  | 'core instance'
  | 'func'
  | 'type'
  | 'component'
  | 'instance'

/** By name; names are data. */
export type Named<Value> = readonly [name: string, value: Value]

export interface Reference {
  readonly sort: Sort
  readonly index: number
}

export const PRIMITIVES = [
  ...['bool', 's8', 'u8', 's16', 'u16', 's32', 'u32', 's64', 'u64', 'f32', 'f64', 'char'],
  'string',
] as const

/** A primitive's name, or the index of a type. */
export type ValueReference = string | number

export type TypeDefinition =
  | { readonly kind: 'primitive'; readonly of: string }
  | { readonly kind: 'record'; readonly fields: ReadonlyArray<Named<ValueReference>> }
  | { readonly kind: 'variant'; readonly cases: ReadonlyArray<Named<ValueReference | undefined>> }
  | { readonly kind: 'list'; readonly element: ValueReference }
  | { readonly kind: 'tuple'; readonly elements: readonly ValueReference[] }
  | { readonly kind: 'flags'; readonly names: readonly string[] }
  | { readonly kind: 'enum'; readonly names: readonly string[] }
  | { readonly kind: 'option'; readonly some: ValueReference }
  | {
      readonly kind: 'result'
      readonly ok: ValueReference | undefined
      readonly err: ValueReference | undefined
    }
  | { readonly kind: 'own' | 'borrow'; readonly resource: number }
  | { readonly kind: 'stream' | 'future'; readonly element: ValueReference | undefined }
  | {
      readonly kind: 'func'
      /** Whether it may wait before it answers. */
      readonly isAsync: boolean
      readonly parameters: ReadonlyArray<Named<ValueReference>>
      readonly result: ValueReference | undefined
    }
  | {
      readonly kind: 'component type' | 'instance type'
      readonly declarations: readonly Definition[]
    }
  /** `destructor`: the index of a core function. */
  | { readonly kind: 'resource'; readonly destructor: number | undefined }

/** What an import or an export is said to be. */
export type Description =
  | { readonly kind: 'func' | 'instance' | 'component' | 'core module'; readonly type: number }
  /** The same type as one that is there. */
  | { readonly kind: 'type'; readonly equals: number }
  /** A resource that nothing is known of. */
  | { readonly kind: 'resource' }

export interface CanonicalOptions {
  readonly encoding: 'utf8' | 'utf16' | 'latin1+utf16'
  readonly memory: number | undefined
  readonly realloc: number | undefined
  readonly postReturn: number | undefined
  readonly isAsync: boolean
  /** Of a lifted function that is async: a core function, called with each event. */
  readonly callback: number | undefined
}

export const NO_OPTIONS = {
  ...{ encoding: 'utf8', memory: undefined, realloc: undefined, postReturn: undefined },
  ...{ isAsync: false, callback: undefined },
} as const satisfies CanonicalOptions

/** Canonical functions for what runs at the same time. */
export type BuiltinName =
  | 'task.return'
  | 'task.cancel'
  | 'context.get'
  | 'context.set'
  | 'backpressure.inc'
  | 'backpressure.dec'
  | 'thread.yield'
  | 'subtask.cancel'
  | 'subtask.drop'
  | 'error-context.new'
  | 'error-context.debug-message'
  | 'error-context.drop'
  | 'waitable-set.new'
  | 'waitable-set.wait'
  | 'waitable-set.poll'
  | 'waitable-set.drop'
  | 'waitable.join'
  | `${'stream' | 'future'}.${'new' | 'read' | 'write' | 'cancel-read' | 'cancel-write' | 'drop-readable' | 'drop-writable'}`

export type Definition =
  /** `start`, `end`: its bytes in the component's. */
  | { readonly kind: 'core module'; readonly start: number; readonly end: number }
  | {
      readonly kind: 'core instance'
      readonly module: number
      readonly arguments: ReadonlyArray<Named<number>>
    }
  | { readonly kind: 'core exports'; readonly exports: ReadonlyArray<Named<Reference>> }
  | { readonly kind: 'component'; readonly definitions: readonly Definition[] }
  | {
      readonly kind: 'instance'
      readonly component: number
      readonly arguments: ReadonlyArray<Named<Reference>>
    }
  | { readonly kind: 'exports'; readonly exports: ReadonlyArray<Named<Reference>> }
  | {
      readonly kind: 'alias' | 'core alias'
      readonly sort: Sort
      readonly instance: number
      readonly name: string
    }
  | {
      readonly kind: 'outer alias'
      readonly sort: Sort
      /** Components outwards. */
      readonly depth: number
      readonly index: number
    }
  | { readonly kind: 'type'; readonly type: TypeDefinition }
  | {
      readonly kind: 'lift'
      readonly function: number
      readonly options: CanonicalOptions
      readonly type: number
    }
  | { readonly kind: 'lower'; readonly function: number; readonly options: CanonicalOptions }
  | {
      readonly kind: 'resource.new' | 'resource.drop' | 'resource.rep'
      readonly resource: number
    }
  | {
      readonly kind: 'builtin'
      readonly name: BuiltinName
      /** Of `stream.*` and `future.*`: the type. */
      readonly type: number | undefined
      /** Of `task.return`. */
      readonly result: ValueReference | undefined
      readonly options: CanonicalOptions
      /** Of `context.*`. */
      readonly slot: number
    }
  | { readonly kind: 'import'; readonly name: string; readonly description: Description }
  | { readonly kind: 'export'; readonly name: string; readonly reference: Reference }
  /** Of a type of components or instances. */
  | { readonly kind: 'export type'; readonly name: string; readonly description: Description }
