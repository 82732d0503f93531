/** What has to be there before benches and soak tests can run; where it is not, they say what to do and end. */
import { existsSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { findProgram } from './peers/start-peer.ts'

const CHECKOUT = resolve(import.meta.dirname, '../..')

/** Absolute path of a file of the checkout's `build`. */
export function built(path: string): string {
  const file = resolve(CHECKOUT, path)
  if (existsSync(file)) return file
  const runtime = basename(path, '.wasm')
  const next = path.startsWith('build/guests/')
    ? 'make guests'
    : `node src/cli/main.ts runtime build ${runtime} --output ${path}`
  return giveUp(`${path} is missing`, next)
}

/** `programs`: by name; `asRoot`: whether nobody else can do it. */
export function needed(
  programs: readonly string[],
  { asRoot }: { readonly asRoot: boolean },
): void {
  const missing = programs.filter((name) => findProgram(name) === undefined)
  if (missing.length > 0) giveUp(`${missing.join(', ')}: not installed`, 'install what is missing')
  if (asRoot && process.getuid?.() !== 0) giveUp('network namespaces need root', 'sudo')
}

function giveUp(problem: string, next: string): never {
  if (process.env['VITEST'] !== undefined) throw new Error(`${problem}: ${next}`)
  process.stderr.write(`${problem}\n  next: ${next}\n`)
  process.exit(1)
}
