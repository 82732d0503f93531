/** `wasm-fpm check`: reads the configuration as `serve` would, says what is wrong with it, and changes nothing. */
import { Command } from 'commander'
import { loadConfig } from '../config/load.ts'
import { configOption, findConfigFile } from './config-file.ts'
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

function check({ config: given, json }: CheckOptions): void {
  const file = findConfigFile(given)
  const config = loadConfig(file)
  const { pools, tenants } = config
  if (json === true) printJson({ file, pools: pools.length, tenants: tenants.length, config })
  else {
    const found = `${count(pools.length, 'pool')}, ${count(tenants.length, 'tenant')}`
    process.stdout.write(`${file}: good: ${found}\n`)
  }
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`
}
