/**
 * Closed loops of HTTP requests through one web server. Every answer is compared with what its guest says; one that is not
 * right is kept with the time it took, so that it can be held against the deaths of workers.
 */
import { Agent } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { type Answer, ask, type Question } from '../support/peers/http-client.ts'
import type { Peer } from '../support/peers/start-peer.ts'
import { HOSTILE_GUESTS, HOSTILE_HOST } from './server.ts'

export interface Failure {
  readonly peer: string
  readonly kind: string
  readonly sentMs: number
  readonly endedMs: number
  readonly what: string
}

export interface LoopFigures {
  sent: number
  answered: number
  readonly failures: Failure[]
  readonly latenciesMs: number[]
}

/** One kind of request: how it is asked, and what is wrong with an answer. */
export interface RequestKind {
  readonly name: string
  readonly path: string
  readonly question?: Question
  /** undefined: it is right. */
  readonly judge: (answer: Answer) => string | undefined
}

const UPLOAD_BYTES = 64 * 1024
const DOWNLOAD_BYTES = 1024 * 1024

export const HELLO: RequestKind = {
  name: 'hello',
  path: '/as/hello.wasm',
  judge: ({ text }) =>
    /^hello/i.test(text) ? undefined : `it said ${JSON.stringify(text.slice(0, 60))}`,
}

const UPLOAD: RequestKind = {
  name: 'upload',
  path: '/as/echo.wasm',
  question: { method: 'POST', body: new Uint8Array(UPLOAD_BYTES).fill(0x61) },
  judge: ({ text }) =>
    text.includes(`"bodyBytes":${UPLOAD_BYTES}`) && text.length > UPLOAD_BYTES
      ? undefined
      : `${text.length} bytes of echo`,
}

const DOWNLOAD: RequestKind = {
  name: 'download',
  path: `/c/download.wasm?n=${DOWNLOAD_BYTES}`,
  judge: ({ text }) => (text.length === DOWNLOAD_BYTES ? undefined : `${text.length} bytes`),
}

const STREAM: RequestKind = {
  name: 'stream',
  path: '/as/slow.wasm?n=5&ms=100',
  judge: ({ text }) =>
    text.endsWith('line 5 of 5\n') ? undefined : `it ended with ${JSON.stringify(text.slice(-20))}`,
}

export const MIXED: readonly RequestKind[] = [UPLOAD, HELLO, DOWNLOAD, HELLO, STREAM]

export function newFigures(): LoopFigures {
  return { sent: 0, answered: 0, failures: [], latenciesMs: [] }
}

export interface LoopOptions {
  readonly peer: Peer
  readonly kinds: readonly RequestKind[]
  /** Between an answer and the next request. */
  readonly pauseMs: number
  readonly figures: LoopFigures
  readonly isOver: () => boolean
}

/** Asks for the kinds in turn over one kept connection. */
export async function runLoop({
  peer,
  kinds,
  pauseMs,
  figures,
  isOver,
}: LoopOptions): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  for (let turn = 0; !isOver(); turn += 1) {
    const kind = kinds[turn % kinds.length]
    if (kind === undefined) break
    const sentMs = performance.now()
    figures.sent += 1
    const answer = await ask(peer.port, kind.path, { ...kind.question, agent })
    const endedMs = performance.now()
    const fault = faultOf(answer, kind)
    if (fault === undefined) {
      figures.answered += 1
      if (kind.name === 'hello') figures.latenciesMs.push(endedMs - sentMs)
    } else {
      figures.failures.push({ peer: peer.name, kind: kind.name, sentMs, endedMs, what: fault })
    }
    await delay(pauseMs)
  }
  agent.destroy()
}

function faultOf(answer: Answer, kind: RequestKind): string | undefined {
  if (answer.ending !== 'complete') return `${answer.ending}, status ${answer.status}`
  if (answer.status !== 200) return `status ${answer.status}`
  return kind.judge(answer)
}

/** Asks for hostile guests through the web servers in turn, at a bounded rate; counts what came of it by guest. */
export async function runHogs(
  peers: readonly Peer[],
  everyMs: number,
  isOver: () => boolean,
): Promise<ReadonlyMap<string, number>> {
  const ends = new Map<string, number>()
  const pending = new Set<Promise<void>>()
  for (let turn = 0; !isOver(); turn += 1) {
    const guest = HOSTILE_GUESTS[turn % HOSTILE_GUESTS.length] ?? ''
    const peer = peers[Math.floor(turn / HOSTILE_GUESTS.length) % peers.length]
    if (peer === undefined) break
    const one = ask(peer.port, `/hostile/${guest}.wasm`, {
      headers: { Host: HOSTILE_HOST },
      onBody: () => undefined,
    }).then(({ status, ending }) => {
      const end = `${guest} ${ending === 'complete' ? status : ending}`
      ends.set(end, (ends.get(end) ?? 0) + 1)
      pending.delete(one)
    })
    pending.add(one)
    await delay(everyMs)
  }
  await Promise.all(pending)
  return ends
}
