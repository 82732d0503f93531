/** `wasm-fpm check`: reads the configuration as `serve` would, says what is wrong with it, and changes nothing. */
import { Command } from 'commander'
import { printBytes } from '../base/quantity.ts'
import { withEnvFiles } from '../config/env-files.ts'
import { checkApps } from '../config/find-app.ts'
import { loadConfig } from '../config/load.ts'
import { machineMemoryBytes } from '../config/machine.ts'
import { IDLE_WORKER_BYTES, type MemoryNeed, memoryNeed } from '../config/memory-need.ts'
import { checkRuntimeModules } from '../config/runtime-use.ts'
import { checkStorePlace } from '../store/open-store.ts'
import { configOption, findConfigFile } from './config-file.ts'
import { hideEnv } from './hidden-env.ts'
import { jsonOption, printJson } from './json.ts'

interface CheckOptions {
  readonly config?: string
  readonly json?: boolean
}

export function checkCommand(): Command {
  return new Command('check')
    .description('check a configuration without touching anything')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(check)
}

async function check({ config: given, json }: CheckOptions): Promise<void> {
  const file = findConfigFile(given)
  const config = loadConfig(file)
  // As they are read at the start; what is in them is not for here.
  const whole = withEnvFiles(config)
  await checkStorePlace(config)
  checkRuntimeModules(config)
  checkApps(whole)
  const { pools, tenants } = config
  const memory = memoryNeed(config)
  if (json === true) {
    printJson({
      file,
      pools: pools.length,
      tenants: tenants.length,
      memory,
      config: hideEnv(config),
    })
    return
  }
  const found = `${count(pools.length, 'pool')}, ${count(tenants.length, 'tenant')}`
  process.stdout.write(`${file}: good: ${found}\n${printNeed(memory)}`)
  const machineBytes = machineMemoryBytes()
  if (memory.totalBytes <= machineBytes) return
  process.stderr.write(
    `note: that is more than this machine's ${printBytes(machineBytes)}: set memory_max, or lower workers, max_children, limits.memory or limits.tmp\n`,
  )
}

function printNeed({ workers, instances, ...need }: MemoryNeed): string {
  const each = printBytes(IDLE_WORKER_BYTES)
  return [
    `memory at most: ${printBytes(need.totalBytes)}`,
    `  ${count(workers, 'worker')}, idle about ${each} each: ${printBytes(need.workerBytes)}`,
    `  ${count(instances, 'instance')}, linear memory: ${printBytes(need.instanceBytes)}; /tmp: ${printBytes(need.tmpBytes)}`,
    '',
  ].join('\n')
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`
}
