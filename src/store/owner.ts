/**
 * Which process made a lock, a lease or a temporary folder, written in its name, so that others can tell whether it still
 * lives. A process id alone does not: ids are used again, and mean something else in another container or on another machine.
 */

import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { systemCodeOf } from '../base/errors.ts'
import { digestOf } from './digest.ts'

export interface Owner {
  /** Of the machine, its start and the container: ids mean the same only where this is the same. */
  readonly machine: string
  readonly pid: number
  /** When the process started, in ticks of the machine; 0: not known. */
  readonly started: string
}

/** `unknown`: it is, or was, on another machine or in another container. */
export type OwnerState = 'alive' | 'gone' | 'unknown'

/** This process. Reads `/proc/self/{stat,ns/pid}` and the boot id where they are and may be read. */
export function thisOwner(): Owner {
  const boot = tryRead('/proc/sys/kernel/random/boot_id') ?? ''
  const seen = `${hostname()}\n${boot}\n${tryReadLink('/proc/self/ns/pid') ?? ''}`
  return {
    machine: digestOf(Buffer.from(seen)).slice(0, 12),
    pid: process.pid,
    started: startOf('self'),
  }
}

/** `machine-pid-started`: letters, digits and hyphens. */
export function ownerText({ machine, pid, started }: Owner): string {
  return `${machine}-${pid}-${started}`
}

/** Reads what `ownerText` wrote at the start of `text`; undefined: it did not. */
export function parseOwner(text: string): Owner | undefined {
  const match = /^([0-9a-f]{12})-([1-9][0-9]{0,9})-([0-9]{1,20})(?![0-9a-zA-Z])/.exec(text)
  const [, machine, pid, started] = match ?? []
  if (machine === undefined || pid === undefined || started === undefined) return undefined
  return { machine, pid: Number(pid), started }
}

/** Whether `owner` still lives, as seen by the process `self`. */
export function stateOf(owner: Owner, self: Owner): OwnerState {
  if (owner.machine !== self.machine) return 'unknown'
  try {
    process.kill(owner.pid, 0)
  } catch (error) {
    if (systemCodeOf(error) === 'ESRCH') return 'gone'
    // EPERM: there is one, and it belongs to somebody else.
  }
  const started = startOf(String(owner.pid))
  if (owner.started === '0' || started === '0') return 'alive'
  return started === owner.started ? 'alive' : 'gone'
}

/** Field 22 of /proc/PID/stat. The second field is the program's name in parentheses, with anything in it. */
function startOf(pid: string): string {
  const text = tryRead(`/proc/${pid}/stat`)
  const rest = text?.slice(text.lastIndexOf(')') + 2).split(' ')
  return rest?.[19] ?? '0'
}

function tryRead(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function tryReadLink(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}
