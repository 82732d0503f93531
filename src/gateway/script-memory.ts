/** Which files requests have meant lately: what web servers say about a file is the same for each request for it. */
import type { GuestPaths } from '../cgi/guest-environment.ts'
import { runtimePaths } from '../cgi/runtime-paths.ts'
import { type ScriptLocation, type ScriptRules, scriptCandidates } from '../cgi/script-path.ts'
import type { VariableReader } from '../cgi/variables.ts'
import type { ScriptRuntime } from './script-runtime.ts'

/** Where a guest sees its tenant's document root; a runtime's sees it where it is. */
const GUEST_ROOT = '/'

/** For one document root; there are as many of them as tenants. */
const MAX_MEANINGS = 4
/** Of what was said: longer paths are seldom the same again. */
const MAX_CHARS = 1024

/** A file that may be meant. */
export interface ScriptPlace {
  /** See `ScriptLocation`. */
  readonly scriptPath: string
  /** As its guest sees them. */
  readonly paths: GuestPaths
  /** What runs it; undefined: it is a module itself. */
  readonly runtime: ScriptRuntime | undefined
}

interface Meaning {
  readonly said: readonly string[]
  readonly places: readonly ScriptPlace[]
}

/** All that `scriptCandidates` reads. */
const NAMES = ['SCRIPT_FILENAME', 'SCRIPT_NAME', 'PATH_INFO', 'DOCUMENT_ROOT'] as const

export class ScriptMemory {
  readonly #rules: ScriptRules
  readonly #runtimes: readonly ScriptRuntime[]
  readonly #meanings: Meaning[] = []
  #next = 0

  constructor(rules: ScriptRules, runtimes: readonly ScriptRuntime[] = []) {
    this.#rules = rules
    this.#runtimes = runtimes
  }

  /** The files that `variables` may mean; see `scriptCandidates`. */
  find(variables: VariableReader): readonly ScriptPlace[] {
    for (const { said, places } of this.#meanings) if (isSaid(said, variables)) return places
    const places = scriptCandidates(variables, this.#rules).map((found) =>
      this.#place(found, variables),
    )
    this.#remember({ said: NAMES.map((name) => variables.get(name) ?? ''), places })
    return places
  }

  #place(found: ScriptLocation, variables: VariableReader): ScriptPlace {
    const { scriptPath, scriptName, pathInfo } = found
    const runtime = this.#runtimes.find(({ extensions }) =>
      extensions.some((extension) => scriptPath.endsWith(extension)),
    )
    const paths: GuestPaths =
      runtime === undefined
        ? {
            documentRoot: GUEST_ROOT,
            scriptFilename: GUEST_ROOT + scriptPath,
            scriptName,
            pathInfo,
            pathTranslated: pathInfo,
          }
        : runtimePaths(found, variables, this.#rules.documentRoot)
    return { scriptPath, paths, runtime }
  }

  #remember(meaning: Meaning): void {
    if (meaning.said.reduce((sum, { length }) => sum + length, 0) > MAX_CHARS) return
    this.#meanings[this.#next] = meaning
    this.#next = (this.#next + 1) % MAX_MEANINGS
  }
}

function isSaid(said: readonly string[], variables: VariableReader): boolean {
  for (let index = 0; index < NAMES.length; index += 1) {
    const name = NAMES[index]
    if (name !== undefined && (variables.get(name) ?? '') !== said[index]) return false
  }
  return true
}
