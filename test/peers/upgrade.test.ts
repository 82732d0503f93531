/** A machine behind nginx whose program is replaced again and again: no request is lost. */
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { startHttpLoad } from '../support/fleet/http-load.ts'
import { Machine } from '../support/fleet/machine.ts'
import { startWebServer, type WebServerKind } from '../support/fleet/web-server.ts'
import { freePort } from '../support/peers/child.ts'
import { isInstalled } from '../support/peers/start-peer.ts'

const UPGRADES = 2
const WIDTH = 8
/** Of load before and after each, in milliseconds. */
const LOADED_MS = 300

const KINDS: readonly WebServerKind[] = ['nginx', 'nginx, keep-alive']

for (const kind of KINDS) {
  test.skipIf(!isInstalled('nginx'))(
    `${kind}: nothing is lost at an upgrade`,
    async () => {
      const machine = new Machine({
        ...{ host: '127.0.0.2', port: await freePort(), pool: 'workers = 1' },
      })
      try {
        await machine.start()
        const web = await startWebServer(kind, [machine])
        const load = startHttpLoad({
          ...{ port: web.port, path: '/hello.wasm', host: 'site.example', width: WIDTH },
        })
        try {
          for (let count = 0; count < UPGRADES; count += 1) {
            await delay(LOADED_MS)
            await machine.upgrade()
          }
          await delay(LOADED_MS)
        } finally {
          await load.stop()
          await web.stop()
        }
        expect(load.lost).toEqual([])
        expect(load.answered).toBeGreaterThan(100)
      } finally {
        await machine.remove()
      }
    },
    300_000,
  )
}
