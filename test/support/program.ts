/**
 * The command as it is installed: `bin`, and what `build-program.ts` has compiled, before all tests, or now. A process of it starts in half the
 * time that its sources take.
 */
import { cpSync, symlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import buildProgram from './build-program.ts'

const ENTRY = 'bin/wasm-fpm.js'

// Benches and soak tests: what has changed since is theirs, too.
if (process.env['VITEST'] === undefined) buildProgram()

/** Its path. */
export const MAIN: string = resolve(ENTRY)

/** The first arguments of Node: as the file's first line says. */
export const PROGRAM: readonly string[] = ['--disable-warning=ExperimentalWarning', MAIN]

/** Copies it into a folder; answers the path. */
export function copyProgram(folder: string): string {
  for (const part of ['bin', 'dist', 'package.json'])
    cpSync(resolve(part), join(folder, part), { recursive: true })
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'))
  return join(folder, ENTRY)
}
