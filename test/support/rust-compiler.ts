/** Finds a Rust compiler with a WASI target. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/** Debian's has one where rustup's, first in PATH, may not. */
export function rustCompiler(): string | undefined {
  return ['rustc', '/usr/bin/rustc'].find((program) =>
    ['wasm32-wasip1', 'wasm32-wasi'].some((target) => {
      const folder = answer(program, '--print', 'target-libdir', '--target', target)
      return folder !== undefined && existsSync(folder)
    }),
  )
}

/** What a program prints, trimmed; undefined when it is missing or fails. */
export function answer(program: string, ...args: readonly string[]): string | undefined {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: 'pipe' }).trim()
  } catch {
    return undefined
  }
}
