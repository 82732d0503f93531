/**
 * Follows a folder once, all tenants together, and is killed (as by `kill -9`) at operation number N on the file system: node
 * killed-follower.ts STORE SOURCE N. With N = 0 it is not, and says how many operations there were.
 */
import { writeSync } from 'node:fs'
import { pino } from 'pino'
import { systemClock as clock } from '../../../src/base/clock.ts'
import { Follower } from '../../../src/follow/follower.ts'
import { openSource } from '../../../src/follow/open-source.ts'
import { Replica } from '../../../src/store/replica.ts'
import { filesAtOnce, type StoreFiles } from '../../../src/store/store-files.ts'

const [, , folder = '', from = '', killAt = ''] = process.argv
let operations = 0

function after<Args extends readonly unknown[], Result>(
  call: (...args: Args) => Promise<Result>,
): (...args: Args) => Promise<Result> {
  return async (...args) => {
    const result = await call(...args)
    operations += 1
    if (operations === Number(killAt)) process.kill(process.pid, 'SIGKILL')
    return result
  }
}

const files: StoreFiles = {
  ...filesAtOnce,
  makeFolder: after(filesAtOnce.makeFolder),
  create: after(filesAtOnce.create),
  createUnsynced: after(filesAtOnce.createUnsynced),
  createNote: after(filesAtOnce.createNote),
  link: after(filesAtOnce.link),
  rename: after(filesAtOnce.rename),
  syncFolder: after(filesAtOnce.syncFolder),
  syncAll: after(filesAtOnce.syncAll),
  remove: after(filesAtOnce.remove),
  removeAll: after(filesAtOnce.removeAll),
}
const follower = new Follower({
  source: openSource(`dir:${from}`, clock),
  replica: await Replica.make(folder, { clock, files }),
  ...{ clock, intervalMs: 1000, logger: pino({ level: 'silent' }), onFacts: () => undefined },
})
await follower.look()
writeSync(1, JSON.stringify({ ...follower.facts, operations }))
