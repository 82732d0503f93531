/**
 * Kills 100,000 guests in a row and prints the memory of the process on the way: it is to be flat.
 *
 *     node bench/hostile/kill-many.ts [KILLS]
 */
import { killMany } from './kill.ts'

const LOOKS = 20
/** What the second half may have on top of the first. */
const FLAT_MIB = 32

const kills = Number(process.argv[2] ?? 100_000)
const seen: number[] = []
const startMs = performance.now()
await killMany({
  kills,
  every: Math.ceil(kills / LOOKS),
  onLook: (count, rssMiB) => {
    seen.push(rssMiB)
    process.stdout.write(`${String(count).padStart(8)} kills  ${rssMiB.toFixed(1)} MiB\n`)
  },
})
const seconds = (performance.now() - startMs) / 1000
const half = seen.length / 2
const growthMiB = Math.max(...seen.slice(half)) - Math.max(...seen.slice(0, half))
const isFlat = growthMiB <= FLAT_MIB
process.stdout.write(
  `${(kills / seconds).toFixed(0)} kills/s; second half at most ${growthMiB.toFixed(1)} MiB over the first: ${isFlat ? 'met' : 'MISSED'} (wanted at most ${FLAT_MIB})\n`,
)
process.exitCode = isFlat ? 0 : 1
