/**
 * A program of its own, which a recipe's Makefile starts as `$(HINT)`: runs a script in a runtime that counts its branches, and writes the runtime with
 * hints of which way they go.
 *
 *     hint-branches MODULE SCRIPT OUT
 *
 * The script is the recipe's, and trusted: it sees its own folder.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { WASI } from 'node:wasi'
import { COUNTS_EXPORT, countBranches, hintBranches } from '../../wasm/branch-counts.ts'
import { UNLIMITED } from '../../wasm/limits.ts'
import { readModule } from '../../wasm/read.ts'

/** Where the script's folder is for the script. */
const FOLDER = '/training'

const [modulePath = '', script = '', out = ''] = process.argv.slice(2)
const module = readModule(new Uint8Array(readFileSync(modulePath)), UNLIMITED)
writeFileSync(out, hintBranches(module, run(countBranches(module).bytes)))

/** What has been counted while it answered one request, for the script. */
function run(bytes: Uint8Array<ArrayBuffer>): Uint32Array {
  const env = {
    ...{ REQUEST_METHOD: 'GET', DOCUMENT_ROOT: FOLDER, QUERY_STRING: '' },
    ...{ SCRIPT_FILENAME: `${FOLDER}/${basename(script)}`, REDIRECT_STATUS: '200' },
  }
  const preopens = { [FOLDER]: dirname(script) }
  const wasi = new WASI({ version: 'preview1', env, preopens })
  // Locks of files: there is nobody else.
  const imports = { ...wasi.getImportObject(), wasm_fpm: { flock: () => 0 } }
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), imports)
  wasi.initialize({ exports })
  for (const name of ['wasm_fpm_boot', 'wasm_fpm_handle']) call(exports[name])
  const counts = exports[COUNTS_EXPORT]
  if (!(counts instanceof WebAssembly.Memory)) throw new Error('Cannot count: no memory for it')
  return new Uint32Array(counts.buffer)
}

function call(entry: unknown): void {
  if (typeof entry === 'function') entry()
}
