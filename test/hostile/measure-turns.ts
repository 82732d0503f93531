/**
 * Runs each of these modules as a worker would, in a process that does nothing else, and prints the longest turn of the event loop,
 * in milliseconds of processor time, from the first request for it to its answer:
 *
 *     node test/hostile/measure-turns.ts FILE ...
 *     -> {"FILE": 1.2, ...}
 */
import { copyFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { setStage } from './stage.ts'
import { TurnWatch } from './turn-watch.ts'

/** The best of these counts: another program may be in the way of some, and code that runs for the first time of the first. */
const ROUNDS = 6
/** Until what the stage has set off is over. */
const SETTLE_MS = 20

const LIMITS = 'cpu = "5s"\nmemory = "128MiB"'

const longestMs: Record<string, number> = {}
for (const file of process.argv.slice(2)) {
  let bestMs = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round += 1) bestMs = Math.min(bestMs, await longestTurn(file))
  longestMs[file] = bestMs
}
process.stdout.write(`${JSON.stringify(longestMs)}\n`)
process.exit(0)

async function longestTurn(file: string): Promise<number> {
  using stage = setStage({ limits: LIMITS, queue: 'timeout = "60s"', keys: '' })
  copyFileSync(file, join(dirname(stage.mount), 'hog', 'burden.wasm'))
  for (let count = 0; count < 3; count += 1) await stage.ask('hog', 'hello')
  await delay(SETTLE_MS)
  const watch = new TurnWatch()
  const { status } = await stage.ask('hog', 'burden')
  const turnMs = watch.stop()
  // A guest that says nothing; or a module that is none.
  if (status !== 502) throw new Error(`Cannot measure ${file}: status ${status}, wanted 502`)
  return turnMs
}
