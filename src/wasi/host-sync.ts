/**
 * fsync(2), which may take a disk's time, outside of the thread that runs guests; one after the other, so that those who call it
 * without end keep one of libuv's threads busy and leave the others.
 */
import { fsync } from 'node:fs'
import { Errno, errnoOf } from './errno.ts'

let last: Promise<number> = Promise.resolve(Errno.SUCCESS)

/** SUCCESS or an errno. The descriptor stays open until then. */
export function syncInTurn(fd: number): Promise<number> {
  last = last.then(() => sync(fd))
  return last
}

function sync(fd: number): Promise<number> {
  return new Promise((resolve) => {
    fsync(fd, (error) => resolve(error === null ? Errno.SUCCESS : errnoOf(error)))
  })
}
