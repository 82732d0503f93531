/** The Python runtime that the tests run. */
import { haveRuntime, runtimePath } from './have-runtime.ts'

export const PYTHON_RUNTIME = runtimePath('python')

/** See `haveRuntime`. */
export function havePythonRuntime(missing: readonly string[] = []): boolean {
  return haveRuntime('Python', PYTHON_RUNTIME, missing)
}
