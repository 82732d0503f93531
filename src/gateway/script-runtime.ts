/** A runtime as one tenant has it: what runs those of its scripts that have the runtime's endings, or its application. */
import type { GuestModule } from '../guest/guest-module.ts'
import type { HandlerSettings } from './handler-settings.ts'

export interface ScriptRuntime {
  readonly name: string
  readonly extensions: readonly string[]
  /** File that stands for its folder; undefined: none. */
  readonly index: string | undefined
  /** What answers all requests instead, as the runtime knows it; undefined: scripts do. */
  readonly app: string | undefined
  /** Its module, booted; another one after a reload that found its file changed. Rejects with `GuestError`, `WasmError`. */
  readonly module: () => GuestModule | Promise<GuestModule>
  /** Resolves when requests that are to be run ahead have been. Rejects as `module` does. */
  readonly ready: () => Promise<void>
  /** A run has opened a file by a path below `/`, and has ended. */
  readonly opened: (path: string) => void
  readonly ended: () => void
  /** The tenant is served no more. */
  readonly close: () => void
  /** What the script at a path below the root may use; latin1, one char a byte. */
  readonly settingsOf: (scriptPath: string) => HandlerSettings
}
