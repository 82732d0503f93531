/** Which configuration file a command reads. */
import { existsSync } from 'node:fs'
import { Option } from 'commander'
import { CodedError } from '../base/errors.ts'

const PLACES = ['wasm-fpm.toml', '/etc/wasm-fpm/wasm-fpm.toml']

/** `--config FILE` of a command that reads a configuration. */
export function configOption(): Option {
  return new Option(
    '--config <FILE>',
    'configuration file (default: ./wasm-fpm.toml, then /etc/wasm-fpm/wasm-fpm.toml)',
  )
}

/** The first of the usual places that exists, or nothing. */
export function usualConfigFile(): string | undefined {
  return PLACES.find((place) => existsSync(place))
}

/** `given`, or the first of the usual places that exists. */
export function findConfigFile(given: string | undefined): string {
  const file = given ?? usualConfigFile()
  if (file !== undefined) return file
  throw new CodedError(
    'CONFIG_NOT_FOUND',
    `Cannot find a configuration: neither ${PLACES.join(' nor ')} exists, wanted one of them or --config FILE`,
  )
}
