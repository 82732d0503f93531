/** Node's arguments for a worker process, before those that say what it may reach. */
import { workerCommand } from '../../src/master/worker-command.ts'

const { args } = workerCommand({ read: [], write: [] }, undefined, {
  ...{ ledger: undefined, fds: [], errorOutput: 'inherit' },
})
export const WORKER_FLAGS: readonly string[] = args.slice(0, args.indexOf('--permission'))
