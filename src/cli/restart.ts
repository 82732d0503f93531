/** `wasm-fpm restart`: replaces the workers one by one, without losing a request. */
import { Command } from 'commander'
import { command } from '../master/control-client.ts'
import { findConfigFile } from './config-file.ts'

export function restartCommand(): Command {
  return new Command('restart')
    .description('replace the workers of the running wasm-fpm one by one, without losing a request')
    .option(
      '--config <FILE>',
      'configuration file it serves (default: ./wasm-fpm.toml, then /etc/wasm-fpm/wasm-fpm.toml)',
    )
    .action(async ({ config }: { readonly config?: string }) => {
      const answer = await command(findConfigFile(config), 'restart')
      process.stdout.write(`${answer}\n`)
    })
}
