/** `wasm-fpm check`: reads the configuration as `serve` would, says what is wrong with it, and changes nothing. */
import { Command } from 'commander'
import { loadConfig } from '../config/load.ts'
import { findConfigFile } from './config-file.ts'

export function checkCommand(): Command {
  return new Command('check')
    .description('check a configuration without touching anything')
    .option(
      '--config <FILE>',
      'configuration file (default: ./wasm-fpm.toml, then /etc/wasm-fpm/wasm-fpm.toml)',
    )
    .action(({ config }: { readonly config?: string }) => {
      const file = findConfigFile(config)
      const { pools, tenants } = loadConfig(file)
      process.stdout.write(
        `${file}: good: ${count(pools.length, 'pool')}, ${count(tenants.length, 'tenant')}\n`,
      )
    })
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`
}
