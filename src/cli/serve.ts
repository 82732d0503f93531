/** `wasm-fpm serve`: answers FastCGI requests until it is told to stop. */
import { Command } from 'commander'
import { loadConfig } from '../config/load.ts'
import { runMaster } from '../master/run-master.ts'
import { configOption, findConfigFile } from './config-file.ts'
import { firstPath } from './first-path.ts'
import { parseHttpAddress } from './http-address.ts'

interface ServeOptions {
  readonly config?: string
  readonly http?: string
}

export function serveCommand(): Command {
  return new Command('serve')
    .description('serve FastCGI (and, with --http, HTTP) until SIGTERM or SIGINT')
    .addOption(configOption())
    .option('--http <HOST:PORT>', 'also serve HTTP here, with no web server; for trying things out')
    .action(serve)
}

async function serve(options: ServeOptions): Promise<void> {
  const configFile = findConfigFile(options.config)
  await runMaster({
    configFile,
    http: options.http === undefined ? undefined : parseHttpAddress(options.http),
    onReady: (http) => {
      if (http !== undefined)
        process.stdout.write(`try: curl -i http://${http}${firstPath(loadConfig(configFile))}\n`)
    },
  })
  // Nothing keeps the process but what is left of the workers' channels.
  process.exit(0)
}
