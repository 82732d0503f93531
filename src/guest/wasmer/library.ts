/**
 * `@wasmer/wasi`, loaded when it is first wanted. The package keeps one instance of its own WebAssembly module for the whole
 * process; each use gets a new one, so that nothing of one run (files, memory, a library that has failed) is there in another.
 */
import type * as Wasmer from '@wasmer/wasi'

export type WasmerLibrary = Pick<typeof Wasmer, 'WASI' | 'MemFS'>

/** The latest use; the next one starts when it has ended. */
let latest: Promise<unknown> = Promise.resolve()

/**
 * Calls `use` with the library in its first state, which it stays in until somebody else's turn: `use` must not wait for
 * anything. About 3 ms each time, 60 ms the first.
 */
export function withLibrary<Result>(use: (library: WasmerLibrary) => Result): Promise<Result> {
  const result = latest.then(async () => {
    const library = await import('@wasmer/wasi')
    await library.init(undefined, true)
    return use(library)
  })
  latest = result.catch(() => undefined)
  return result
}
