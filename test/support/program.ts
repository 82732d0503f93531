/** The command as it is installed: `bin`, and what `build-program.ts` has compiled. A process of it starts in half the time that its sources take. */
import { cpSync, symlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'

const ENTRY = 'bin/wasm-fpm.js'

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
