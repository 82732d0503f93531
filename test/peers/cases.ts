/** The one list of cases every web server is put through, and the two ways each is set up. */
import { afterAll, beforeAll, describe, test } from 'vitest'
import type { PeerName } from '../support/peers/peer.ts'
import { makeSite, type Site } from '../support/peers/site.ts'
import { isInstalled, type Peer, startPeer } from '../support/peers/start-peer.ts'
import { startWasmFpm, type WasmFpm } from '../support/peers/wasm-fpm.ts'
import { caseContext, type PeerCase } from './case.ts'
import { FAILURE_CASES } from './failure-cases.ts'
import { REQUEST_CASES } from './request-cases.ts'
import { STREAM_CASES } from './stream-cases.ts'
import { TRAITS } from './traits.ts'

interface SetUp {
  readonly name: string
  readonly keepAlive: boolean
  readonly streaming: boolean
  readonly socket: 'unix' | 'tcp'
  readonly cases: readonly PeerCase[]
}

const SET_UPS: readonly SetUp[] = [
  {
    name: 'over a unix socket, as it comes',
    keepAlive: false,
    streaming: false,
    socket: 'unix',
    cases: [...REQUEST_CASES, ...FAILURE_CASES],
  },
  {
    name: 'over TCP, kept alive and streaming',
    keepAlive: true,
    streaming: true,
    socket: 'tcp',
    cases: [...REQUEST_CASES, ...STREAM_CASES, ...FAILURE_CASES],
  },
]

/** Registers every case for one web server; none when it is not installed on a laptop. */
export function testPeer(name: PeerName): void {
  describe.skipIf(!isInstalled(name))(name, () => {
    let site: Site
    let wasmFpm: WasmFpm
    beforeAll(async () => {
      site = await makeSite()
      wasmFpm = await startWasmFpm({ root: site.root })
    })
    afterAll(async () => {
      await wasmFpm?.stop()
      site?.remove()
    })
    describe.each(SET_UPS)('$name', ({ cases, keepAlive, socket, streaming }) => {
      let peer: Peer
      beforeAll(async () => {
        const backend = wasmFpm[socket]
        peer = await startPeer(name, { backend, keepAlive, streaming, documentRoot: site.root })
      })
      afterAll(() => peer?.stop())
      for (const { name: caseName, run } of cases) {
        test(caseName, () =>
          run(
            caseContext({
              peer,
              wasmFpm,
              keepAlive,
              traits: TRAITS[name],
              languages: site.languages,
            }),
          ),
        )
      }
    })
  })
}
