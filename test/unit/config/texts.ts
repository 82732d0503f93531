/** Beginnings of configurations, and what is wrong with one. */
import { ConfigError, type ConfigProblem } from '../../../src/config/errors.ts'
import { parseConfig } from '../../../src/config/parse.ts'

export const FILE = '/etc/wasm-fpm/wasm-fpm.toml'
export const POOL = '[[pool]]\nname = "www"\nlisten = ["/run/www.sock"]\n'
export const TENANT = '[[tenant]]\nname = "acme"\n'

/** Empty: it can be used. */
export function problems(text: string): readonly ConfigProblem[] {
  try {
    parseConfig(text, FILE)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}
