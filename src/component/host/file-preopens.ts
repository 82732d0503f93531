/** wasi:filesystem/preopens: the folders that a run is granted. */
import type { Value } from '../value.ts'
import { FileDescriptor } from './file-descriptor.ts'
import { type Interface, plain } from './host-function.ts'
import { OpenFd } from './open-fd.ts'
import { FIRST_PREOPEN, preopenName } from './preopen-name.ts'

const READ_AND_MUTATE = 1 | 32

export const PREOPENS: Interface = {
  'get-directories': plain('() -> list<tuple<own<$descriptor>, string>>', (host) => () => {
    const found: Value[] = []
    for (let fd = FIRST_PREOPEN; ; fd++) {
      const name = preopenName(host.calls, fd)
      if (name === undefined) return found
      // Never given back: it is there as long as the run.
      const open = new OpenFd(host.calls, fd).retain()
      found.push([new FileDescriptor(open, READ_AND_MUTATE), name])
    }
  }),
}
