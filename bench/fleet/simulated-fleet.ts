/** Machines that are followers in a few processes, and what something costs each of them, and the server for each. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { systemClock as clock } from '../../src/base/clock.ts'
import { ownCpuUs } from '../http/cpu-time.ts'
import type { Question, Reached, Usage } from './simulated-machines.ts'
import type { SimulatedSource } from './simulated-source.ts'

const MACHINES = join(import.meta.dirname, 'simulated-machines.ts')
const HEAP_MB = 12_000
const say = (text: string): void => void process.stdout.write(`${text}\n`)

export class SimulatedFleet {
  readonly #source: SimulatedSource
  readonly #machines: number
  /** Each with its end, which is none while the fleet is used. */
  readonly #processes: ReadonlyArray<readonly [ChildProcess, Promise<unknown>]>

  constructor(
    source: SimulatedSource,
    { machines, processes }: { readonly machines: number; readonly processes: number },
  ) {
    this.#source = source
    this.#machines = machines
    const count = Math.min(machines, processes)
    this.#processes = Array.from({ length: count }, (_, number) => {
      const share = Math.floor((machines + number) / count)
      const execArgv = [`--max-old-space-size=${HEAP_MB}`]
      const one = fork(MACHINES, [source.address, String(share)], { execArgv })
      return [one, once(one, 'exit')] as const
    })
  }

  start(): void {
    this.#ask({ kind: 'start' })
  }

  end(): void {
    for (const [one] of this.#processes) if (one.connected) one.disconnect()
  }

  /** Does something, and waits until each machine has made so many switches; says how long that took from its end on. */
  async reach(switches: number, work: () => unknown): Promise<void> {
    const answers = this.#answers<Reached>()
    this.#ask({ kind: 'when', switches })
    await work()
    const fromMs = clock.epochMs()
    const all = await answers
    const firstMs = Math.min(...all.map((one) => one.firstMs)) - fromMs
    const lastMs = Math.max(...all.map((one) => one.lastMs)) - fromMs
    say(`  in step: the first after ${firstMs} ms, the last after ${lastMs} ms`)
  }

  async usage(): Promise<Usage> {
    const answers = this.#answers<Usage>()
    this.#ask({ kind: 'usage' })
    const all = await answers
    const sum = (of: (one: Usage) => number): number =>
      all.reduce((total, one) => total + of(one), 0)
    return {
      residentBytes: sum((one) => one.residentBytes),
      cpuMs: sum((one) => one.cpuMs),
      looks: sum((one) => one.looks),
      failures: sum((one) => one.failures),
    }
  }

  /** Does something, and says what it has cost. */
  async measure(what: string, work: () => Promise<unknown>): Promise<void> {
    say(`- ${what}`)
    const [before, used, serverMs] = [
      await this.#source.traffic(),
      await this.usage(),
      this.#serverMs,
    ]
    await work()
    const [after, usedNow] = [await this.#source.traffic(), await this.usage()]
    // A server that was started again counts from the beginning.
    const isSame = after.start === before.start
    const each = (now: number, then: number): number => (now - then) / this.#machines
    const of = (name: 'in_msgs' | 'out_msgs' | 'out_bytes'): number =>
      each(after[name], isSame ? before[name] : 0)
    say(
      `  a machine: ${each(usedNow.looks, used.looks).toFixed(1)} looks, ${of('in_msgs').toFixed(1)} messages to the server, ${of('out_msgs').toFixed(1)} from it with ${kilobytes(of('out_bytes'))}; processor: ${each(usedNow.cpuMs, used.cpuMs).toFixed(2)} ms, the server's ${each(this.#serverMs, isSame ? serverMs : 0).toFixed(2)} ms`,
    )
    say(
      `  the server: ${kilobytes(after.mem)} of memory, ${after.connections} connections, ${after.slow_consumers} slow consumers`,
    )
  }

  get #serverMs(): number {
    return ownCpuUs(this.#source.pid) / 1000
  }

  #ask(question: Question): void {
    for (const [one] of this.#processes) one.send(question)
  }

  /** The next one of each process. */
  #answers<Answer>(): Promise<readonly Answer[]> {
    return Promise.all(
      this.#processes.map(async ([one, ended]) => {
        const failed = ended.then(() => {
          throw new Error('machines have ended')
        })
        const [answer] = await Promise.race([once(one, 'message'), failed])
        return answer as Answer
      }),
    )
  }
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`
}
