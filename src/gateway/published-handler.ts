/** A release that is live, as requests meet it. */
import type { GuestModule } from '../guest/guest-module.ts'
import type { LiveHandler } from '../store/release-reader.ts'
import type { HandlerSettings } from './handler-settings.ts'
import type { KeptLoad } from './kept-load.ts'
import type { ReleaseScripts } from './release-scripts.ts'
import type { StaticFiles } from './static/static-files.ts'

export interface Handler {
  readonly live: LiveHandler
  readonly settings: HandlerSettings
  readonly module: KeptLoad<GuestModule>
  /** Instead of it, if its release has them. */
  readonly scripts: KeptLoad<ReleaseScripts>
  readonly onRun: ((hasFailed: boolean) => void) | undefined
  /** Those that have been asked for, by route. */
  readonly files: Map<string, StaticFiles>
}

/** A module, and what its runs may use. */
export interface Prepared extends Pick<Handler, 'settings'> {
  readonly module: GuestModule
  /** Of it, hardened. */
  readonly bytes: number
}

export async function prepared({ live, module, settings }: Handler): Promise<Prepared> {
  const { bytes = 0 } = live.release.hardened ?? {}
  return { module: await module.get(), bytes, settings }
}

export function closeScripts(handler: Handler | undefined): void {
  void Promise.resolve(handler?.scripts.kept).then(
    (scripts) => scripts?.runtime.close(),
    () => undefined,
  )
}
