/** Two machines behind a web server that is told nothing: one of them stops and starts, and no request is lost. */
import { expect, test } from 'vitest'
import { countLost } from '../support/fleet/count-lost.ts'
import { programOf, WEB_SERVERS } from '../support/fleet/web-server.ts'
import { freePort } from '../support/peers/child.ts'
import { isInstalled } from '../support/peers/start-peer.ts'

const STOPS = 2
const REQUESTS = 7000

// All together 6 stops and more than 20,000 requests; bench/fleet/stops.ts has more of both.
for (const kind of WEB_SERVERS) {
  test.skipIf(!isInstalled(programOf(kind)))(`${kind}: nothing is lost at a stop`, async () => {
    const port = await freePort()
    const { answered, lost } = await countLost({ kind, port, stops: STOPS, requests: REQUESTS })
    expect(lost).toEqual([])
    expect(answered).toBeGreaterThanOrEqual(REQUESTS)
  })
}
