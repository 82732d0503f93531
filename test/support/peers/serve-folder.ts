/** wasm-fpm as a child of a test that has all its sides in one folder. */
import { PROGRAM } from '../program.ts'
import { Child } from './child.ts'

/** Serves the `wasm-fpm.toml` that lies in `folder`, and works there. */
export function serveFolder(folder: string): Child {
  const args = [...PROGRAM, 'serve', '--config', 'wasm-fpm.toml']
  return new Child(process.execPath, args, { directory: folder })
}
