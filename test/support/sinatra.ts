/** Debian's packages of Rack and Sinatra, for the Ruby runtime. */
import { existsSync } from 'node:fs'
import { haveRuntime, runtimePath } from './have-runtime.ts'

const GEMS = '/usr/share/rubygems-integration/all/gems'
const OTHERS = '/usr/lib/ruby/vendor_ruby'

/** Whether Sinatra and the runtime are there: see `haveRuntime`. */
export function haveSinatra(): boolean {
  const missing = existsSync(`${OTHERS}/tilt.rb`) && existsSync(GEMS) ? [] : ['ruby-sinatra']
  return haveRuntime('Sinatra', runtimePath('ruby'), missing)
}

/** Tables of a tenant with this root, which make them its packages. */
export function mountGems(root: string): string {
  return `[[tenant.mounts]]\nhost = "${GEMS}"\nguest = "${root}/vendor/gems"
[[tenant.mounts]]\nhost = "${OTHERS}"\nguest = "${root}/vendor/ruby"\n`
}
