/** What this process has open of what a test has to do with: others open and close theirs meanwhile, the test runner among them. */
import { readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'

const DESCRIPTORS = '/proc/self/fd'

/** The paths that begin with `prefix`, one for each descriptor. */
export function openPaths(prefix: string): string[] {
  return readdirSync(DESCRIPTORS)
    .map(pathOf)
    .filter((path) => path.startsWith(prefix))
}

/** Empty: closed since, as the descriptor by which the list was read. */
function pathOf(descriptor: string): string {
  try {
    return readlinkSync(join(DESCRIPTORS, descriptor))
  } catch {
    return ''
  }
}
