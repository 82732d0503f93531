/**
 * What the publisher's process is told, as one JSON text on its standard input, and what it says on its standard output:
 *
 *     {"event":"progress", ...}\n     how far a step is, now and then
 *     {"event":"step", ...}\n         each step, when it is done
 *     {"event":"done", ...}\n         then the hardened module, `bytes` bytes of it, and nothing more
 *     {"event":"imported"}\n          instead of `done`, where an application was to be imported
 *     {"event":"printed", ...}\n      instead of `done`, where a component was to be printed
 *     {"event":"failed", ...}\n       instead of all three
 */

import type { WireError } from '../base/errors.ts'
import type { Lifetime } from '../base/lifetime.ts'
import type { ProbeRequest } from './manifest.ts'
import type { HardenedModule } from './release.ts'

export type PublisherJob = ModuleJob | ImportJob | PrintJob

/** A module is to be made ready. */
export interface ModuleJob {
  readonly kind: 'module'
  /** `tenant/handler`. */
  readonly name: string
  /** Absolute paths that the process may read. */
  readonly modulePath: string
  readonly imagePath: string | null
  readonly abi: 'cgi'
  /** Null: what fits the module. */
  readonly lifetime: Lifetime | null
  readonly env: Readonly<Record<string, string>>
  /** SCRIPT_NAME of the probe: the first route, empty for `/`. */
  readonly scriptName: string
  readonly probe: ProbeRequest
  readonly limits: JobLimits
}

/** An application is to be imported, as the workers will. */
export interface ImportJob {
  readonly kind: 'import'
  /** `tenant/handler`. */
  readonly name: string
  /** As its runtime knows it. */
  readonly app: string
  /** Of the runtime, and the release's files. */
  readonly modulePath: string
  readonly imagePath: string
  readonly env: Readonly<Record<string, string>>
  readonly mounts: readonly ImportMount[]
  readonly limits: ImportLimits
}

/** A component's world is to be printed. */
export interface PrintJob {
  readonly kind: 'print'
  /** For messages. */
  readonly name: string
  readonly modulePath: string
  readonly imagePath: null
  readonly limits: { readonly memoryBytes: number }
}

/** A folder that the application sees beside its own. */
export interface ImportMount {
  readonly guest: string
  /** Null: it begins empty. */
  readonly host: string | null
  readonly isWritable: boolean
}

export interface ImportLimits {
  readonly memoryBytes: number
  /** For the interpreter's start and the import together, in milliseconds. */
  readonly bootMs: number
  readonly openFiles: number
  /** Of `/tmp`. */
  readonly tmpBytes: number
  readonly tmpFiles: number
  readonly tmpDepth: number
}

/** What the module is hardened with and the probe runs under. */
export interface JobLimits {
  readonly moduleBytes: number
  readonly hardenedBytes: number
  readonly functionBytes: number
  readonly memoryBytes: number
  readonly cpuMs: number
  readonly wallMs: number
  readonly responseBodyBytes: number
}

export type StepName = 'verify' | 'validate' | 'harden' | 'compile' | 'probe' | 'import'

export interface StepReport {
  readonly event: 'step'
  readonly step: StepName
  /** What it found, for people: one line. */
  readonly note: string
  /** The same for programs. */
  readonly found: Readonly<Record<string, FoundValue>>
  readonly ms: number
}

/** How far a step is; of those that can tell. */
export interface ProgressReport {
  readonly event: 'progress'
  readonly step: 'harden'
  /** Bytes of code. */
  readonly done: number
  readonly total: number
}

export type FoundValue = string | number | boolean | null | readonly string[]

export interface JobDone {
  readonly event: 'done'
  readonly lifetime: Lifetime
  readonly hardened: HardenedModule
}

export interface JobImported {
  readonly event: 'imported'
}

export interface JobPrinted {
  readonly event: 'printed'
  readonly wit: string
}

export interface JobFailed {
  readonly event: 'failed'
  readonly step: StepName
  readonly error: WireError
}

export type PublisherEvent =
  | ProgressReport
  | StepReport
  | JobDone
  | JobImported
  | JobPrinted
  | JobFailed
