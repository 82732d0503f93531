/** A server of the tests takes with it what it has started. */
import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { Child } from '../support/peers/child.ts'

/** Prints the number of a process that it leaves behind, or waits for. */
const PARENTS = [
  { name: 'it is stopped', script: 'sleep 1000 & echo $!; wait' },
  { name: 'it has ended before', script: 'sleep 1000 & echo $!' },
]

test.each(PARENTS)('a child of a child ends with it: $name', async ({ script }) => {
  const child = new Child('sh', ['-c', script], { directory: tmpdir() })
  await expect.poll(() => child.output()).toMatch(/^[0-9]+\n/)
  const pid = Number(child.output())
  await child.stop()
  await expect.poll(() => isThere(pid)).toBe(false)
})

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
