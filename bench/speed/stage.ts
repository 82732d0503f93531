/** A folder for sockets, configurations and logs that is gone afterwards, together with the servers that used it. */
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Server } from '../http/process.ts'
import { RESULTS_FOLDER } from '../results.ts'

export interface Stage {
  readonly folder: string
  /** Stopped at the end, the last one first. */
  readonly servers: Server[]
}

/** Runs `act`; keeps the logs as build/bench/logs/NAME-*.log. */
export async function onStage<Result>(
  name: string,
  act: (stage: Stage) => Promise<Result>,
): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), `wasm-fpm-${name}-`))
  chmodSync(folder, 0o755)
  const servers: Server[] = []
  try {
    return await act({ folder, servers })
  } finally {
    for (const server of servers.toReversed()) await server.stop()
    keepLogs(folder, name)
    rmSync(folder, { recursive: true, force: true })
  }
}

function keepLogs(folder: string, name: string): void {
  const logs = join(RESULTS_FOLDER, 'logs')
  mkdirSync(logs, { recursive: true })
  for (const file of readdirSync(folder).filter((entry) => entry.endsWith('.log'))) {
    copyFileSync(join(folder, file), join(logs, `${name}-${file}`))
  }
}
