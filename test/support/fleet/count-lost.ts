/** Two machines behind a web server, one of which is stopped and started again and again under load. */
import { setTimeout as delay } from 'node:timers/promises'
import { type HttpLoad, startHttpLoad } from './http-load.ts'
import { Machine } from './machine.ts'
import { LEFT_ALONE_MS, startWebServer, type WebServerKind } from './web-server.ts'

const CONNECTIONS = 16

/** How long there is full load before each stop, in milliseconds. */
const LOADED_MS = 300

export interface CountOptions {
  readonly kind: WebServerKind
  readonly port: number
  readonly stops: number
  /** At least so many. */
  readonly requests: number
}

export interface Counted extends Pick<HttpLoad, 'answered' | 'lost' | 'longestMs'> {
  /** By the web server: HAProxy tells which machines it takes for dead, and why. */
  readonly said: string
}

export async function countLost({ kind, port, stops, requests }: CountOptions): Promise<Counted> {
  const machines = ['127.0.0.2', '127.0.0.3'].map((host) => new Machine({ host, port }))
  const [leaving] = machines
  if (leaving === undefined) throw new Error('no machine')
  try {
    await Promise.all(machines.map((machine) => machine.start()))
    const web = await startWebServer(kind, machines)
    const load = startHttpLoad({
      ...{ port: web.port, path: '/hello.wasm', host: 'site.example' },
      width: CONNECTIONS,
    })
    try {
      for (let stop = 1; stop <= stops; stop += 1) {
        load.isFast = true
        await delay(LOADED_MS)
        while (load.answered + load.lost.length < (requests * stop) / stops) await delay(LOADED_MS)
        await leaving.stop()
        load.isFast = false
        await leaving.start()
        await delay(LEFT_ALONE_MS)
      }
    } finally {
      await load.stop()
      await web.stop()
    }
    const { answered, lost, longestMs } = load
    return { answered, lost, longestMs, said: web.logs() }
  } finally {
    await Promise.all(machines.map((machine) => machine.remove()))
  }
}
