/** What the folders are called that a run is granted. */
import { Errno } from '../../wasi/errno.ts'
import type { Preview1Calls } from './preview1-calls.ts'

/** The descriptor of the first of them; the others follow it. */
export const FIRST_PREOPEN = 3

/** Of the folder of this descriptor, as the guest sees it; undefined: there are no more. */
export function preopenName(calls: Preview1Calls, fd: number): string | undefined {
  if (calls.callNow('fd_prestat_get', fd, calls.movedAt) !== Errno.SUCCESS) return undefined
  const length = calls.view.getUint32(calls.movedAt + 4, true)
  if (calls.callNow('fd_prestat_dir_name', fd, calls.movedAt, length) !== Errno.SUCCESS)
    return undefined
  return Buffer.from(calls.moved(length)).toString('utf8')
}
