/** What is published of a folder that was built: the folder with its manifest, or the module that lies in it. */
import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { MANIFEST_FILES, parseManifest } from '../../store/manifest-file.ts'
import { CliError } from '../errors.ts'

/** Where compilers put modules, below the folder. */
const PLACES = ['*.wasm', 'target/*/release/*.wasm', 'build/*.wasm', 'dist/*.wasm']

/** Throws `CliError` (CLI_UNREADABLE), and `StoreError` for a manifest that is none. */
export function findSource(folder: string): string {
  if (hasManifest(folder)) return folder
  const module = findModule(folder)
  if (module !== undefined) return module
  throw new CliError(
    'CLI_UNREADABLE',
    `Cannot find a module in ${folder}: no ${PLACES.join(', ')}, wanted one, or ${MANIFEST_FILES.json} with "module"`,
  )
}

/** The newest module where compilers put them; undefined: there is none. */
export function findModule(folder: string): string | undefined {
  for (const place of PLACES) {
    const modules = globSync(place, { cwd: folder }).map((path) => join(folder, path))
    const newest = modules.toSorted((left, right) => timeOf(right) - timeOf(left))[0]
    if (newest !== undefined) return newest
  }
  return undefined
}

/** A `wasm-fpm.toml` may as well be a server's configuration. */
function hasManifest(folder: string): boolean {
  if (existsSync(join(folder, MANIFEST_FILES.json))) return true
  const file = join(folder, MANIFEST_FILES.toml)
  return existsSync(file) && parseManifest(readFileSync(file), MANIFEST_FILES.toml) !== undefined
}

function timeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
}
