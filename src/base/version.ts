/** The version in package.json. */
import { readFileSync } from 'node:fs'

interface PackageFile {
  readonly version: string
}

/** Two folders up in a checkout (`src/cli`), three in the package (`dist/src/cli`). */
function read(): string {
  for (const path of ['../../package.json', '../../../package.json']) {
    try {
      const file = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as PackageFile
      return file.version
    } catch {
      // not here: the next place
    }
  }
  return 'unknown'
}

export const VERSION: string = read()
