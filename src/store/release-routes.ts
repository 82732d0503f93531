/** The routes of a release, as requests meet them. */
import type { Manifest } from './manifest.ts'
import type { Route } from './routes.ts'

/** Paths come out one char a byte, as they are in a request. */
export function routesOf<Handler>(manifest: Manifest, handler: Handler): readonly Route<Handler>[] {
  return manifest.routes.map(({ path, methods }) => ({
    path: Buffer.from(path, 'utf8').toString('latin1'),
    methods: methods === undefined ? undefined : new Set(methods),
    handler,
  }))
}
