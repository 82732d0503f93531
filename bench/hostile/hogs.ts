/** Hostile requests from a process of their own, which yields the processor to everybody that is measured. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { constants, setPriority } from 'node:os'
import { join } from 'node:path'

export interface Hogs {
  /** Stops sending, and waits for what is in flight. Answers how many requests ended, by status; 0: broken off. */
  stop(): Promise<ReadonlyMap<number, number>>
}

export function startHogs(url: string, copies: number): Hogs {
  const client = fork(join(import.meta.dirname, 'hog-client.ts'), [url, String(copies)])
  if (client.pid !== undefined) setPriority(client.pid, constants.priority.PRIORITY_LOW)
  return {
    stop: async () => {
      client.send('stop')
      const [ends] = (await once(client, 'message')) as [[number, number][]]
      return new Map(ends)
    },
  }
}
