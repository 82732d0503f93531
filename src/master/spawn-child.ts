/** Starts a process of ours. Standard streams that it inherits are opened anew for it: what it does to them is its own affair. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { closeSync, fstatSync } from 'node:fs'
import { isStream, openOwn } from '../base/log-streams.ts'

export interface ChildCommand {
  readonly program: string
  readonly args: readonly string[]
  readonly options: Omit<SpawnOptions, 'stdio'> & {
    readonly stdio: ReadonlyArray<'ignore' | 'inherit' | 'pipe' | 'ipc' | number>
  }
}

export interface Started {
  readonly child: ChildProcess
  /** Whether no pipe and no terminal that it has as a standard stream is shared with anybody. */
  readonly ownsStreams: boolean
}

export function spawnChild({ program, args, options }: ChildCommand): Started {
  const opened: number[] = []
  let ownsStreams = true
  const stdio = options.stdio.map((item, at) => {
    if (item !== 'inherit' || (at !== 1 && at !== 2)) return item
    const own = openOwn(at)
    if (own === undefined) {
      ownsStreams &&= !isStream(fstatSync(at))
      return item
    }
    opened.push(own)
    return own
  })
  try {
    return { child: spawn(program, args, { ...options, stdio }), ownsStreams }
  } finally {
    for (const fd of opened) closeSync(fd)
  }
}
