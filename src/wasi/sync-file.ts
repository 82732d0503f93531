/** Waits until a file is on the disk. */
import type { CallContext } from './call-context.ts'
import { Errno } from './errno.ts'
import type { OpenFile } from './filesystem.ts'

/** The file's errno, made the call's by `finish`. The guest is suspended where there is a disk to wait for. */
export function syncFile(
  host: CallContext,
  file: OpenFile,
  finish: (errno: number) => number = (errno) => errno,
): number | Promise<number> {
  const synced = file.sync()
  if (typeof synced === 'number') return finish(synced)
  let errno: number = Errno.IO
  return host.wait(
    (wake) => {
      void synced.then((answer) => {
        errno = answer
        wake()
      })
    },
    () => finish(errno),
  )
}
