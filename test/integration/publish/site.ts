/** A server that runs, a store, and a tenant to publish for. */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { systemClock } from '../../../src/base/clock.ts'
import { parseDuration, parseSize } from '../../../src/config/units.ts'
import { DirectoryStore } from '../../../src/store/directory-store.ts'
import { type Publication, type PublishOptions, publish } from '../../../src/store/publication.ts'
import { Client, configText, makeFolder, type Serving, serve } from '../master/serve.ts'

const GUESTS = resolve('build/guests')
const FRESH_MS = 20_000

export interface Site {
  readonly serving: Serving
  readonly store: DirectoryStore
  readonly client: Client
  /** Publishes a sample guest as `app`; `manifest` is what its wasm-fpm.json says besides. */
  publish(module: string, manifest?: object, more?: Partial<PublishOptions>): Promise<Publication>
  /** Asks until the answer is one that `isWanted`; fails after a while. */
  until(path: string, isWanted: (body: string) => boolean, query?: string): Promise<string>
}

/** A server with a store, and tenant `site`. */
export async function openSite({ tenant = '', top = '' } = {}): Promise<Site> {
  const folder = makeFolder()
  const config = configText(folder, { tenant, top: `store = "${folder}/store"\n${top}` })
  const serving = await serve({ folder, config })
  const store = await DirectoryStore.open(join(folder, 'store'), { clock: systemClock })
  const client = new Client(serving.socket)
  let sources = 0
  return {
    serving,
    store,
    client,
    publish: (module, manifest = {}, more = {}) => {
      sources += 1
      const source = join(folder, `source-${sources}`)
      mkdirSync(join(source, 'files'), { recursive: true })
      writeFileSync(join(source, 'files', 'note.txt'), `source ${sources}\n`)
      copyFileSync(join(GUESTS, module), join(source, 'module.wasm'))
      writeFileSync(join(source, 'wasm-fpm.json'), JSON.stringify({ name: 'app', ...manifest }))
      const units = { size: parseSize, duration: parseDuration }
      return publish(source, { store, tenant: 'site', units, clock: systemClock, ...more })
    },
    until: async (path, isWanted, query = '') => {
      const limitMs = systemClock.nowMs() + FRESH_MS
      for (;;) {
        const { body } = await client.get(path, query)
        if (isWanted(body)) return body
        if (systemClock.nowMs() > limitMs) throw new Error(`still ${body} after ${FRESH_MS} ms`)
        await new Promise(setImmediate)
      }
    },
  }
}
