/** What the published handlers of a tenant are made with. */
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import type { ModuleHolder } from '../guest/compile-cache.ts'
import type { GuestModule } from '../guest/guest-module.ts'
import type { LiveHandler, ReleaseReader } from '../store/release-reader.ts'
import type { TrapWatch } from '../store/trap-watch.ts'
import type { HandlerSettings } from './handler-settings.ts'
import type { ReleaseScripts } from './release-scripts.ts'
import type { FileReader } from './static/file-reader.ts'

export interface PublishedHandlersOptions {
  readonly tenant: string
  readonly reader: ReleaseReader
  readonly clock: Clock
  readonly logger: Logger
  /** Whether the tenant has instances, that run or wait for requests. */
  readonly isActive: () => boolean
  /** How long a request of the tenant may run, in milliseconds. */
  readonly wallMs: number
  readonly settingsOf: (live: LiveHandler) => HandlerSettings
  /** Of the worker, for static files. */
  readonly fileReader: FileReader
  /** Rejects unless the tenant's signers have signed it; resolves when it has none. */
  readonly verify: (live: LiveHandler) => Promise<void>
  /** Reads and compiles its module. */
  readonly load: (live: LiveHandler, holder: ModuleHolder) => Promise<GuestModule>
  /** Of a release of scripts. Rejects with GUEST_NO_RUNTIME, `StoreError`. */
  readonly scriptsOf: (live: LiveHandler, settings: HandlerSettings) => Promise<ReleaseScripts>
  /** A release fails in more than the share of requests that its manifest allows. Called once for each switch to it. */
  readonly onFailing: (live: LiveHandler, counts: TrapWatch) => void
}
