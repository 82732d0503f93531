/** The Lua runtime that the tests run. */
import { haveRuntime, runtimePath } from './have-runtime.ts'

export const LUA_RUNTIME = runtimePath('lua')

/** See `haveRuntime`. */
export function haveLuaRuntime(missing: readonly string[] = []): boolean {
  return haveRuntime('Lua', LUA_RUNTIME, missing)
}
