/**
 * How long the turns of the event loop are while a hostile guest runs in eight copies, in processor time: what other programs take does
 * not count, so a busy machine answers as well as a quiet one. Whoever comes in the middle of a turn waits for its end.
 *
 *     node bench/hostile/turn-lengths.ts [GUEST...]
 *
 * One line a guest: processor time of a request, the turn that 99 % of the time is spent in shorter ones than, the longest.
 */
import { spawnSync } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { setStage } from '../../test/hostile/stage.ts'
import { threadMs } from '../../test/hostile/turn-watch.ts'
import { WORKER_FLAGS } from '../../test/support/worker-flags.ts'

const COPIES = 8
const MEASURED_MS = 1500
const WARM_REQUESTS = 12

const guests = process.argv.slice(2)
if (WORKER_FLAGS.every((flag) => process.execArgv.includes(flag))) {
  for (const guest of guests.length > 0 ? guests : ['tmp-files']) await measure(guest)
} else {
  const args = [...WORKER_FLAGS, import.meta.filename, ...guests]
  process.exitCode = spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1
}

async function measure(guest: string): Promise<void> {
  using stage = setStage({
    guests: [guest],
    limits: 'cpu = "200ms"\nwall = "30s"',
    keys: `max_children = ${COPIES}`,
  })
  for (let count = 0; count < WARM_REQUESTS; count += 1) await stage.ask('hog', guest)
  const turns: number[] = []
  let requests = 0
  let isOver = false
  const startMs = threadMs()
  let lastMs = startMs
  const look = (): void => {
    const nowMs = threadMs()
    turns.push(nowMs - lastMs)
    lastMs = nowMs
    if (!isOver) setImmediate(look)
  }
  const lane = async (): Promise<void> => {
    for (; !isOver; requests += 1) await stage.ask('hog', guest)
  }
  setImmediate(look)
  const lanes = Array.from({ length: COPIES }, lane)
  while (threadMs() - startMs < MEASURED_MS) await delay(20)
  isOver = true
  const usedMs = threadMs() - startMs
  await Promise.all(lanes)
  turns.sort((a, b) => a - b)
  const figures = [
    usedMs / Math.max(requests, 1),
    longestBut(turns, usedMs / 100),
    turns.at(-1) ?? 0,
  ].map((ms) => ms.toFixed(2))
  process.stdout.write(
    `${guest}: ${figures[0]} ms a request; turns: 99 % of the time ${figures[1]} ms, longest ${figures[2]} ms\n`,
  )
}

/** The longest of `sorted` turns but for those that make up the last `restMs`. */
function longestBut(sorted: readonly number[], restMs: number): number {
  let [at, leftMs] = [sorted.length - 1, restMs]
  for (; at > 0 && leftMs > 0; at -= 1) leftMs -= sorted[at] ?? 0
  return sorted[at] ?? 0
}
