/** Which configuration file a command reads. */
import { existsSync } from 'node:fs'
import { CodedError } from '../base/errors.ts'

const PLACES = ['wasm-fpm.toml', '/etc/wasm-fpm/wasm-fpm.toml']

/** `given`, or the first of the usual places that exists. */
export function findConfigFile(given: string | undefined): string {
  const file = given ?? PLACES.find((place) => existsSync(place))
  if (file !== undefined) return file
  throw new CodedError(
    'CONFIG_NOT_FOUND',
    `Cannot find a configuration: neither ${PLACES.join(' nor ')} exists, wanted one of them or --config FILE`,
  )
}
