/** wasi:filesystem/preopens: the folders that a run is granted. */
import { Errno } from '../../wasi/errno.ts'
import type { Value } from '../value.ts'
import type { ComponentHost } from './component-host.ts'
import { FileDescriptor } from './file-descriptor.ts'
import { type Interface, plain } from './host-function.ts'
import { OpenFd } from './open-fd.ts'

const FIRST = 3
const READ_AND_MUTATE = 1 | 32

export const PREOPENS: Interface = {
  'get-directories': plain('() -> list<tuple<own<$descriptor>, string>>', (host) => () => {
    const found: Value[] = []
    for (let fd = FIRST; ; fd++) {
      const name = nameOf(host, fd)
      if (name === undefined) return found
      // Never given back: it is there as long as the run.
      const open = new OpenFd(host.calls, fd).retain()
      found.push([new FileDescriptor(open, READ_AND_MUTATE), name])
    }
  }),
}

function nameOf({ calls }: ComponentHost, fd: number): string | undefined {
  if (calls.callNow('fd_prestat_get', fd, calls.movedAt) !== Errno.SUCCESS) return undefined
  const length = calls.view.getUint32(calls.movedAt + 4, true)
  if (calls.callNow('fd_prestat_dir_name', fd, calls.movedAt, length) !== Errno.SUCCESS)
    return undefined
  return Buffer.from(calls.moved(length)).toString('utf8')
}
