/** The guest's own life (preview 1: proc_exit, proc_raise). */
import type { CallContext } from './call-context.ts'
import { Errno } from './errno.ts'

export const PROC_CALLS = {
  /** Never returns: records the exit code and throws. Every later call of the session throws too. */
  proc_exit:
    (host: CallContext) =>
    (exitCode: number): number => {
      host.enter()
      host.exit(exitCode >>> 0)
    },
  /** NOSYS: always; guests have no signals. */
  proc_raise: (host: CallContext) => (_signal: number) => {
    host.enter()
    return Errno.NOSYS
  },
}
