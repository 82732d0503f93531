/**
 * The version in package.json, and what keeps two of them apart: a process that is started after the program on disk was
 * replaced must not work for one that was started before.
 */
import { readFileSync } from 'node:fs'
import { CodedError } from './errors.ts'

interface PackageFile {
  readonly version: string
}

/** Two folders up in a checkout (`src/base`), three in the package (`dist/src/base`). */
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

/** The argument by which a process tells those it starts whose they are. */
export const VERSION_ARGUMENT = `--for-version=${VERSION}`

export type VersionErrorCode =
  /** This process was started by one of another version. */
  'VERSION_MIXED'

class VersionError extends CodedError<VersionErrorCode> {}

/** Throws VERSION_MIXED when this process was started by one of another version. */
export function checkStarter(argv: readonly string[] = process.argv): void {
  if (argv.includes(VERSION_ARGUMENT)) return
  const other = argv.map((one) => /^--for-version=(.*)$/.exec(one)?.[1]).find((one) => one)
  throw new VersionError(
    'VERSION_MIXED',
    `Cannot work for wasm-fpm ${other ?? 'of an older version'}: the program on disk is ${VERSION} by now, wanted the same (\`wasm-fpm upgrade\` or \`systemctl restart wasm-fpm\` has the new one serve; until then what runs goes on)`,
  )
}
