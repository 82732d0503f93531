/** Whether the modules of runtimes are there and the workers can read them. */
import { statSync } from 'node:fs'
import type { RuntimeConfig } from '../../config/config.ts'
import { howToGet } from '../../config/runtime-use.ts'
import { type Check, fail, ok } from './check-result.ts'
import { blockedAt, mayUse, type Person, READ } from './permission.ts'

/** `workers`: whom the workers run as whose tenants name it. */
export function checkRuntime(
  { name, module }: RuntimeConfig,
  workers: readonly Person[],
): readonly Check[] {
  const subject = `runtime "${name}"`
  const stats = statSync(module, { throwIfNoEntry: false })
  if (stats === undefined) {
    return [fail(subject, 'module', [`${module} does not exist`, howToGet(name)])]
  }
  if (!stats.isFile()) {
    return [fail(subject, 'module', [`${module} is no file`, howToGet(name)])]
  }
  const excluded = workers.filter(
    (worker) => blockedAt(worker, module) !== undefined || !mayUse(worker, stats, READ),
  )
  if (excluded.length === 0) return [ok(subject, 'module', module)]
  return excluded.map((worker) =>
    fail(subject, 'module', [
      `user ${worker.name} cannot read ${module}`,
      'chmod o+r it, and o+x the folders above',
    ]),
  )
}
