/** Why an application could not be imported, in one line, out of what its runtime has written to standard error. */
import { lastWords } from '../base/last-words.ts'

export interface FailedImport {
  /** What it said last; empty: nothing. */
  readonly reason: string
  /** Where that was, as the guest sees it; undefined: it did not say. */
  readonly place: { readonly file: string; readonly line: number } | undefined
}

/** A package may say in its own words that its native part is missing: what the runtime said of it comes before that. */
const NATIVE = /^.*\bis native code and cannot be had here\b.*$/m

/** As Python's tracebacks, and its syntax errors, name places. */
const PLACES = /^ *File "([^"\n]+)", line ([0-9]+)/gm

/** Where packages are that somebody else has written. */
const PACKAGES = /\/(?:site|dist)-packages\//

/** `root`: the application's folder, as it sees it. */
export function failedImport(said: string, root: string): FailedImport {
  const reason = NATIVE.exec(said)?.[0].trim() ?? lastWords(said)
  const places = [...said.matchAll(PLACES)].map(([, file = '', line]) => ({
    file,
    line: Number(line),
  }))
  const own = places.filter(({ file }) => file.startsWith(`${root.replace(/\/+$/, '')}/`))
  const written = own.filter(({ file }) => !PACKAGES.test(file))
  return { reason, place: written.at(-1) ?? own.at(-1) }
}
