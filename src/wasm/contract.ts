/**
 * What a hardened module offers its host: the names and meanings that `harden` promises.
 *
 * | Export                  | Kind               | Meaning |
 * |-------------------------|--------------------|---------|
 * | `wasm_fpm:check`        | table of 2 funcref | slot 0 is called when `may_suspend` is not 0, slot 1 when it is 0; `() -> i32` |
 * | `wasm_fpm:may_suspend`  | mutable i32, 0     | the host sets it to 1 while a `WebAssembly.promising` call is on the stack |
 * | `wasm_fpm:counter`      | mutable i32        | units left until the next check; below 0: check at the next chance |
 * | `wasm_fpm:quota`        | mutable i32        | units between two checks; the host may change it at any time |
 * | `wasm_fpm:start`        | function           | the module's start function; absent when there was none. The start section names it, too, and instantiation runs it, unless `importMemories` has taken the section out |
 * | `wasm_fpm:memory:N`     | memory             | memory N of the module's index space, if the module defines it |
 * | `wasm_fpm:global:N`     | mutable global     | global N, if the module defines it |
 * | `wasm_fpm:spare:N`      | mutable i32, 0     | pages at the end of memory N, if the module defines it, that the guest has not been given yet: `memory.size` does not count them, and `memory.grow` takes them first. They have to be zeros |
 * | `wasm_fpm:resizes`      | mutable global     | there if the module asks for the size of a memory that it imports, or makes it grow: it sees the spare pages |
 * | `wasm_fpm:save`         | function           | copies every mutable global the module defines into a hidden one |
 * | `wasm_fpm:restore`      | function           | copies them back; of any type, also those JavaScript cannot read |
 *
 * Both slots start out holding a function that answers 0, so a hardened module runs under a plain
 * `WebAssembly.instantiate` with the original's imports. What a check answers: 0 go on; anything else: the guest
 * executes `unreachable`, which no `catch_all` catches. What a check *throws* can be caught by the guest; it is then
 * asked again at once. Only `save`, `restore` and the `memory`/`global`/`spare` exports are the host's; guest code cannot name any of these.
 *
 * Before the host's function runs, the counter has been set to the quota: code that runs meanwhile (a host-called export
 * during a suspension) is metered as well. One unit is 0.01 to 0.1 ns of optimised code, more
 * than 10 ns where every load misses the caches.
 */

/** Every export that `harden` adds begins with this; a module that uses it itself is refused. */
export const RESERVED_PREFIX = 'wasm_fpm:'

export const CHECK_TABLE_EXPORT = 'wasm_fpm:check'
/** Slot of the check that may suspend the guest. */
export const SUSPENDING_SLOT = 0
/** Slot of the check that must answer at once. */
export const PLAIN_SLOT = 1

export const MAY_SUSPEND_EXPORT = 'wasm_fpm:may_suspend'
export const COUNTER_EXPORT = 'wasm_fpm:counter'
export const QUOTA_EXPORT = 'wasm_fpm:quota'
export const START_EXPORT = 'wasm_fpm:start'
export const SAVE_EXPORT = 'wasm_fpm:save'
export const RESTORE_EXPORT = 'wasm_fpm:restore'

/** What a host needs that runs a command in memories of its own: with `spare:N` all but `memory:N` and `global:N`. */
export const RUN_EXPORTS: ReadonlySet<string> = new Set([
  'memory',
  '_start',
  CHECK_TABLE_EXPORT,
  MAY_SUSPEND_EXPORT,
  COUNTER_EXPORT,
  QUOTA_EXPORT,
  START_EXPORT,
  SAVE_EXPORT,
  RESTORE_EXPORT,
])

/** The name under which memory `index` is exported. */
export function memoryExport(index: number): string {
  return `${RESERVED_PREFIX}memory:${index}`
}

const SPARE_PREFIX = `${RESERVED_PREFIX}spare:`

/** The name under which the spare pages of memory `index` are exported. */
export function spareExport(index: number): string {
  return `${SPARE_PREFIX}${index}`
}

export function isSpareExport(name: string): boolean {
  return name.startsWith(SPARE_PREFIX)
}

export const RESIZES_EXPORT = 'wasm_fpm:resizes'

/** What the names of exported mutable globals begin with. */
export const GLOBAL_PREFIX = `${RESERVED_PREFIX}global:`

/** The name under which mutable global `index` is exported. */
export function globalExport(index: number): string {
  return `${GLOBAL_PREFIX}${index}`
}

/** What a check answers to let the guest go on. */
export const GO_ON = 0
/** What a check answers to end the guest with a trap. */
export const END_GUEST = 1

/** Custom section that marks a hardened module; see hardened-mark.ts. */
export const HARDENED_SECTION = 'wasm_fpm.hardened'
export const CONTRACT_VERSION = 1

/** Units between two checks unless the options or the host say otherwise; see quota.ts for how a host should. */
export const DEFAULT_QUOTA = 1_000_000

/** Where a module whose memories are its host's imports them from (`importMemories`); the field is the memory's index. */
export const MEMORY_IMPORT_MODULE = 'wasm_fpm:memory'

/** The helper module's import (module and field) and export: see `checkHelperModule`. */
export const HELPER_IMPORT_MODULE = 'wasm_fpm'
export const HELPER_IMPORT_FIELD = 'check'
export const HELPER_EXPORT = 'check'
