/** JavaScript Promise Integration, which the TypeScript library does not declare yet. */

interface JavaScriptPromiseIntegration {
  readonly Suspending: new (
    fn: (...args: never[]) => number | Promise<number>,
  ) => WebAssembly.ExportValue
  readonly promising: <Args extends unknown[], Result>(
    exported: (...args: Args) => Result,
  ) => (...args: Args) => Promise<Result>
}

// The names are part of Node 26, which this project requires.
const jspi = WebAssembly as unknown as JavaScriptPromiseIntegration

/** Makes an import that suspends the guest while `fn`'s promise is pending. Only callable below a `promising` call. */
export function suspending(
  fn: (...args: never[]) => number | Promise<number>,
): WebAssembly.ExportValue {
  return new jspi.Suspending(fn)
}

/** Makes an export callable so that the imports below it may suspend. */
export function promising<Args extends unknown[], Result>(
  exported: (...args: Args) => Result,
): (...args: Args) => Promise<Result> {
  return jspi.promising(exported)
}
