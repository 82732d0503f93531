/** How a handler's folder is built: by what lies in it, as the templates have it. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface BuildCommand {
  readonly program: string
  readonly args: readonly string[]
  /** As one would type it. */
  readonly text: string
}

/** Undefined: nothing builds it, its module is there as it is. `given`: what the developer wants, for a shell. */
export function findBuildCommand(
  folder: string,
  given: string | undefined,
): BuildCommand | undefined {
  if (given !== undefined) return { program: '/bin/sh', args: ['-c', given], text: given }
  if (existsSync(join(folder, 'Makefile'))) return command('make')
  if (existsSync(join(folder, 'Cargo.toml'))) {
    return command('cargo', 'build', '--release', '--target', 'wasm32-wasip1')
  }
  return hasBuildScript(join(folder, 'package.json')) ? command('npm', 'run', 'build') : undefined
}

function command(program: string, ...args: readonly string[]): BuildCommand {
  return { program, args, text: [program, ...args].join(' ') }
}

function hasBuildScript(file: string): boolean {
  try {
    const content: unknown = JSON.parse(readFileSync(file, 'utf8'))
    const scripts: unknown = Reflect.get(Object(content), 'scripts')
    return typeof Reflect.get(Object(scripts), 'build') === 'string'
  } catch {
    return false // there is none, or npm would not take it either
  }
}
