/** What answers a request: a handler, whether it lies in the document root or was published, or files that were. */
import type { GuestPaths } from '../cgi/guest-environment.ts'
import type { ResponseLimits } from '../cgi/response-stream.ts'
import type { GuestModule } from '../guest/guest-module.ts'
import type { HandlerSettings } from './handler-settings.ts'
import type { StaticFiles } from './static/static-files.ts'

export type Target = GuestTarget | FileTarget

export interface GuestTarget {
  readonly kind: 'guest'
  /** The handler's name in logs: its path below the root, or the name it was published under. */
  readonly handler: string
  /** Rejects with `GuestError`. */
  readonly module: GuestModule | Promise<GuestModule>
  readonly settings: HandlerSettings
  readonly paths: GuestPaths
  /** Is told of every run that has ended; `hasFailed`: the guest trapped, or used up its time. */
  readonly onRun?: ((hasFailed: boolean) => void) | undefined
  /** See `WasiGrants`. */
  readonly onFile?: ((path: string) => void) | undefined
}

export interface FileTarget {
  readonly kind: 'files'
  /** The handler whose release has them. */
  readonly handler: string
  readonly files: StaticFiles
  /** What is left of the path: decoded, one char a byte. */
  readonly pathInfo: string
  readonly settings: { readonly response: ResponseLimits }
}
