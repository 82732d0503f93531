/** Programs that keep processors busy and have nothing to do with the server: what they cost others is the system's scheduler. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Hogs } from './hogs.ts'

/** One for each of `count` processors. They end by themselves when they are forgotten. */
export function startBusyPrograms(count: number): Hogs {
  const programs = Array.from({ length: count }, () =>
    spawn('sh', ['-c', 'ulimit -t 60; while :; do :; done'], { stdio: 'ignore' }),
  )
  return {
    stop: async () => {
      const ends = programs.map((program) => once(program, 'exit'))
      for (const program of programs) program.kill()
      await Promise.all(ends)
      return new Map()
    },
  }
}
