/**
 * What many machines cost that follow one server of NATS: real followers, each with a connection of its own, whose stores are fake.
 *
 *     node bench/fleet/simulation.ts [--machines 10,50,100,200] [--tenants 1000] [--past 3] [--bytes 1000000] [--processes 2]
 *
 * For each number of machines: all of them start at once, nothing happens for a while, one tenant gets a release that nobody has, a thousand
 * tenants are switched to one that all have, the server is killed and started again. The server tells messages and bytes; the system
 * processor time and memory. A thousand machines want as many open files, and some (`ulimit -n 4096`).
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Digest } from '../../src/store/digest.ts'
import { needed } from '../../test/support/built.ts'
import { onStage, type Stage } from '../speed/stage.ts'
import { SimulatedFleet } from './simulated-fleet.ts'
import { recordOf, SimulatedSource } from './simulated-source.ts'

const { values } = parseArgs({
  options: {
    machines: { type: 'string', default: '10,50,100,200' },
    tenants: { type: 'string', default: '1000' },
    past: { type: 'string', default: '3' },
    bytes: { type: 'string', default: '1000000' },
    processes: { type: 'string', default: '2' },
  },
})
const tenants = Number(values.tenants)
const past = Number(values.past)
const IDLE_MS = 10_000
const BURST = 1000
const ROUNDS = 3
needed(['nats-server'], { asRoot: false })
const say = (text: string): void => void process.stdout.write(`${text}\n`)

for (const machines of values.machines.split(',').map(Number)) {
  await onStage('simulation', (stage) => simulate(stage, machines))
}

async function simulate(stage: Stage, machines: number): Promise<void> {
  const source = await SimulatedSource.start(stage)
  const releases: Digest[] = []
  for (let number = 0; number <= past; number += 1) {
    releases.push(await source.putRelease(randomBytes(1000)))
  }
  const record = (sequence: number): string => recordOf(releases.slice(-1 - past), sequence)
  const all = Array.from({ length: tenants }, (_, number) => number)
  await source.putRecords(all, record(1))
  const fleet = new SimulatedFleet(source, { machines, processes: Number(values.processes) })
  try {
    say(`${machines} machines, ${tenants} tenants, ${record(1).length} bytes of a record`)
    let switches = tenants
    await fleet.measure('all start at once', () => fleet.reach(switches, () => fleet.start()))
    await fleet.measure('nothing new for 10 s', () => delay(IDLE_MS))
    for (let round = 1; round <= ROUNDS; round += 1) {
      switches += 1
      await fleet.measure(`a release of ${values.bytes} bytes`, () =>
        fleet.reach(switches, async () => {
          releases.push(await source.putRelease(randomBytes(Number(values.bytes))))
          await source.putRecords([0], record(1 + round))
        }),
      )
    }
    const others = all.slice(1, 1 + BURST)
    switches += others.length
    await fleet.measure(`${others.length} tenants switched`, () =>
      fleet.reach(switches, () => source.putRecords(others, record(2))),
    )
    switches += 1
    await fleet.measure('the server was killed, and is there again', () =>
      fleet.reach(switches, async () => {
        await source.restart()
        await source.putRecords([0], record(9))
      }),
    )
    const { residentBytes, failures } = await fleet.usage()
    const megabytes = (residentBytes / machines / 1e6).toFixed(1)
    say(`  memory: ${megabytes} MB a machine; ${failures} looks have failed`)
  } finally {
    fleet.end()
    await source.close()
  }
}
