/** The Ruby runtime that the tests run, and Debian's packages of Rack and Sinatra. */
import { existsSync } from 'node:fs'
import { haveRuntime, runtimePath } from './have-runtime.ts'

export const RUBY_RUNTIME = runtimePath('ruby')

const GEMS = '/usr/share/rubygems-integration/all/gems'
const OTHERS = '/usr/lib/ruby/vendor_ruby'

/** See `haveRuntime`. */
export function haveRubyRuntime(): boolean {
  return haveRuntime('Ruby', RUBY_RUNTIME, [])
}

/** The same, with Sinatra. */
export function haveSinatra(): boolean {
  const missing = existsSync(`${OTHERS}/tilt.rb`) && existsSync(GEMS) ? [] : ['ruby-sinatra']
  return haveRuntime('Sinatra', RUBY_RUNTIME, missing)
}

/** Tables of a tenant with this root, which make them its packages. */
export function mountGems(root: string): string {
  return `[[tenant.mounts]]\nhost = "${GEMS}"\nguest = "${root}/vendor/gems"
[[tenant.mounts]]\nhost = "${OTHERS}"\nguest = "${root}/vendor/ruby"\n`
}
