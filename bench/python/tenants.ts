/**
 * What one more tenant with a WSGI or Flask application takes of a worker that is warm.
 *
 *     node bench/python/tenants.ts
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { TenantPage } from '../languages/pages.ts'
import { measureTenants } from '../languages/tenants.ts'

const PYTHON = {
  language: 'python',
  root: join(import.meta.dirname, 'site'),
  runtime: resolve(import.meta.dirname, '../../build/runtimes/python.wasm'),
  mounts: { 'site-packages': '/usr/lib/python3/dist-packages' },
} as const

const PAGES: readonly TenantPage[] = [
  { ...PYTHON, name: 'hello', app: 'hello:application' },
  { ...PYTHON, name: 'flask-page', app: 'pages:app' },
]

const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-bench-python-tenants-'))
try {
  process.exitCode = await measureTenants(PAGES, folder, { known: 6, more: 20 })
} finally {
  rmSync(folder, { recursive: true })
}
process.stdout.write(`load ${loadavg()[0]?.toFixed(1)}\n`)
