/**
 * fsync(2), which may take a disk's time, outside of the thread that runs guests; one after the other, so that those who call it
 * without end keep one thread busy and leave the others.
 */
import { fsync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { loadFileCalls } from '../base/file-calls.ts'
import { Errno, errnoOf, errnoOfResult } from './errno.ts'

let last: Promise<number> = Promise.resolve(Errno.SUCCESS)

/** SUCCESS or an errno. The descriptor stays open until then. */
export function syncInTurn(fd: number): Promise<number> {
  last = last.then(() => sync(fd))
  return last
}

/** How soon it is asked whether a disk is done, at first and at last. */
const [FIRST_MS, LAST_MS] = [1, 50]

/** By the C library, since Node's permission model knows no fsync. */
function sync(fd: number): Promise<number> {
  const begin = loadFileCalls()?.beginSync
  if (begin !== undefined) return answerOf(begin(fd))
  return new Promise((resolve) => {
    fsync(fd, (error) => resolve(error === null ? Errno.SUCCESS : errnoOf(error)))
  })
}

async function answerOf(ask: () => number | undefined): Promise<number> {
  let result = ask()
  for (let waitMs = FIRST_MS; result === undefined; waitMs = Math.min(2 * waitMs, LAST_MS)) {
    await setTimeout(waitMs)
    result = ask()
  }
  const errno = errnoOfResult(result)
  // Not open for writing: nothing of this guest is to be written.
  return errno === Errno.BADF ? Errno.SUCCESS : errno
}
