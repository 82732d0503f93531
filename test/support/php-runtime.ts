/** The PHP runtime that the tests run. */
import { haveRuntime, runtimePath } from './have-runtime.ts'

export const PHP_RUNTIME = runtimePath('php')

/** See `haveRuntime`. */
export function havePhpRuntime(missing: readonly string[] = []): boolean {
  return haveRuntime('PHP', PHP_RUNTIME, missing)
}
