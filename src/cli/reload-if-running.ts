/** Has a server take up its changed configuration, if one runs. */
import { CodedError } from '../base/errors.ts'
import { command } from '../master/control-client.ts'

export type Reloaded =
  | { readonly kind: 'reloaded' }
  | { readonly kind: 'not-running' }
  /** The operator did not want it. */
  | { readonly kind: 'not-asked' }

/** Throws what the master objects to; the configuration stays as it is then. */
export async function reloadIfRunning(configFile: string): Promise<Reloaded> {
  try {
    await command(configFile, 'reload')
    return { kind: 'reloaded' }
  } catch (error) {
    if (isNotRunning(error)) return { kind: 'not-running' }
    throw error
  }
}

/** One that runs but may not be talked to is another matter. */
function isNotRunning(error: unknown): boolean {
  if (!(error instanceof CodedError) || error.code !== 'MASTER_NOT_RUNNING') return false
  return ['ENOENT', 'ECONNREFUSED'].includes(String(error.details['systemCode']))
}
