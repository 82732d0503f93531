/** Connections that the host itself opens for a guest, by what the guest's folder of devices allows. Of no call of preview 1. */
import { Fdflags } from './abi.ts'
import { type CallContext, CONNECT_WORK } from './call-context.ts'
import { Descriptor } from './descriptor.ts'
import { FIRST_PREOPEN } from './descriptor-table.ts'
import { Errno } from './errno.ts'
import type { ConnectTarget } from './filesystem.ts'
import { Right } from './rights.ts'

const RIGHTS = Right.FdRead | Right.FdWrite | Right.PollFdReadwrite | Right.FdFdstatSetFlags

/**
 * The number of a descriptor that does not wait: until the connection is open it reads and takes nothing, and one that fails answers
 * its errno to both. Or minus an errno. NOENT: there are no connections, or it is no host. MFILE: `limits.openFiles` are open.
 */
export function connectFor(host: CallContext, target: ConnectTarget): number {
  host.enter()
  for (let fd = FIRST_PREOPEN; ; fd++) {
    const preopen = host.descriptors.get(fd)
    if (preopen?.preopenName === undefined || preopen.open.kind !== 'directory') return -Errno.NOENT
    const { node } = preopen.open
    if (node.connect === undefined) continue
    if (host.descriptors.isFull) return -Errno.MFILE
    host.charge(CONNECT_WORK)
    const open = node.connect(target)
    if (typeof open === 'number') return -open
    return host.descriptors.add(new Descriptor(open, RIGHTS, { fdflags: Fdflags.Nonblock }))
  }
}

/** How opening descriptor `fd`, one of `connectFor`, has ended: SUCCESS or an errno; undefined: it has not. BADF: it is none. */
export function connectOutcomeOf(host: CallContext, fd: number): number | undefined {
  const open = host.descriptors.get(fd)?.open
  if (open?.kind !== 'stream') return Errno.BADF
  return open.opening === undefined ? Errno.SUCCESS : open.opening.outcome()
}
