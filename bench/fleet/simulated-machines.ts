/**
 * Many followers in one process, each with a connection of its own and a store that is none (fake-replica.ts):
 *
 *     simulated-machines.ts ADDRESS COUNT
 *
 * simulation.ts starts it, and asks it over its channel.
 */
import { pino } from 'pino'
import { systemClock as clock } from '../../src/base/clock.ts'
import { Follower } from '../../src/follow/follower.ts'
import { parseNatsAddress } from '../../src/follow/nats-link.ts'
import { NatsShelf } from '../../src/follow/nats-shelf.ts'
import { RecordSource } from '../../src/follow/record-source.ts'
import { FakeReplica } from './fake-replica.ts'

export type Question =
  | { readonly kind: 'start' }
  /** Since the start, by each. */
  | { readonly kind: 'when'; readonly switches: number }
  | { readonly kind: 'usage' }

/** Milliseconds since 1970: when the first was in step, and the last. */
export interface Reached {
  readonly firstMs: number
  readonly lastMs: number
}

export interface Usage {
  readonly residentBytes: number
  readonly cpuMs: number
  readonly looks: number
  /** Looks that have failed, of all. */
  readonly failures: number
}

const [, , text = '', count = ''] = process.argv
const address = parseNatsAddress(text)
if (address === undefined) throw new Error(`${text} is no address`)
/** An answer is waited for longer than elsewhere: here hundreds of machines share a processor. */
const OPTIONS = { secrets: {}, allowsOldServer: true, answerMs: 60_000 }
const logger = pino({ level: 'silent' })
let wanted = Number.POSITIVE_INFINITY
let reached: number[] = []

const followers = Array.from({ length: Number(count) }, () => {
  let has = wanted
  return new Follower({
    source: new RecordSource(new NatsShelf(address, OPTIONS)),
    ...{ replica: new FakeReplica(), clock, logger, intervalMs: 2000 },
    onFacts: ({ switches, behind }) => {
      if (switches < wanted || behind > 0 || has === wanted) return
      has = wanted
      reached.push(clock.epochMs())
      tell()
    },
  })
})

function tell(): void {
  if (reached.length < followers.length) return
  say({ firstMs: Math.min(...reached), lastMs: Math.max(...reached) })
}

function usage(): Usage {
  const { user, system } = process.cpuUsage()
  const facts = followers.map((follower) => follower.facts)
  return {
    residentBytes: process.memoryUsage.rss(),
    cpuMs: (user + system) / 1000,
    looks: facts.reduce((sum, { looks }) => sum + looks, 0),
    failures: facts.reduce((sum, { failures }) => sum + failures, 0),
  }
}

function say(answer: Reached | Usage): void {
  process.send?.(answer)
}

process.on('message', (question: Question) => {
  if (question.kind === 'start') for (const follower of followers) follower.start()
  else if (question.kind === 'usage') say(usage())
  else {
    wanted = question.switches
    reached = []
  }
})
process.once('disconnect', () => process.exit(0))
