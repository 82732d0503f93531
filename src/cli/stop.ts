/** `wasm-fpm stop`: ends the server when its requests have ended. */
import { Command } from 'commander'
import { command } from '../master/control-client.ts'
import { findConfigFile } from './config-file.ts'

export function stopCommand(): Command {
  return new Command('stop')
    .description(
      'end the running wasm-fpm when its requests have ended (at most process_control_timeout)',
    )
    .option(
      '--config <FILE>',
      'configuration file it serves (default: ./wasm-fpm.toml, then /etc/wasm-fpm/wasm-fpm.toml)',
    )
    .action(async ({ config }: { readonly config?: string }) => {
      const answer = await command(findConfigFile(config), 'stop')
      process.stdout.write(`${answer}\n`)
    })
}
