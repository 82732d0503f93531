/**
 * Hostile requests from a process of their own, all of whose threads have what everybody that is measured leaves: with a nice value
 * they still take whole ticks of the kernel's clock.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

export interface Hogs {
  /** Stops sending, and waits for what is in flight. Answers how many requests ended, by status; 0: broken off. */
  stop(): Promise<ReadonlyMap<number, number>>
}

export function startHogs(url: string, copies: number): Hogs {
  const client = fork(join(import.meta.dirname, 'hog-client.ts'), [url, String(copies)], {
    execPath: 'chrt',
    execArgv: ['--idle', '0', process.execPath],
  })
  return {
    stop: async () => {
      client.send('stop')
      const [ends] = (await once(client, 'message')) as [[number, number][]]
      return new Map(ends)
    },
  }
}
