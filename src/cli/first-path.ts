/** What somebody who tries a server out is told to ask for. */
import { globSync } from 'node:fs'
import type { Config } from '../config/config.ts'
import { usedRuntimes } from '../config/runtime-use.ts'

/** Of examples/first-steps. */
const SAMPLE = 'hello.wasm'

/** An interpreter's index, the sample, or another module of a document root; else what may be published. */
export function firstPath(config: Config): string {
  if (usedRuntimes(config).some(({ index }) => index !== undefined)) return '/'
  // Thousands of tenants may have one root.
  const roots = new Set(config.tenants.flatMap(({ root }) => root ?? []))
  const modules = [...roots].flatMap((cwd) => globSync('*.wasm', { cwd }))
  const [other = ''] = modules.toSorted()
  return `/${modules.includes(SAMPLE) ? SAMPLE : encodeURIComponent(other)}`
}
