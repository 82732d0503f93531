/** `wasm-fpm serve`: answers FastCGI requests until it is told to stop. */
import { Command } from 'commander'
import { CodedError } from '../base/errors.ts'
import { runMaster } from '../master/run-master.ts'
import { findConfigFile } from './config-file.ts'

interface ServeOptions {
  readonly config?: string
  readonly http?: string
}

export function serveCommand(): Command {
  return new Command('serve')
    .description('serve FastCGI (and, with --http, HTTP) until SIGTERM or SIGINT')
    .option(
      '--config <FILE>',
      'configuration file (default: ./wasm-fpm.toml, then /etc/wasm-fpm/wasm-fpm.toml)',
    )
    .option('--http <HOST:PORT>', 'also serve HTTP here, with no web server; for trying things out')
    .action(serve)
}

async function serve(options: ServeOptions): Promise<void> {
  await runMaster({
    configFile: findConfigFile(options.config),
    http: options.http === undefined ? undefined : parseHttpAddress(options.http),
    onReady: (http) => {
      if (http !== undefined) process.stdout.write(`try: curl -i http://${http}/hello.wasm\n`)
    },
  })
  // Nothing keeps the process but what is left of the workers' channels.
  process.exit(0)
}

function parseHttpAddress(text: string): { readonly host: string; readonly port: number } {
  const [, v6, name, digits] = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  if (digits === undefined || port > 65_535) {
    throw new CodedError(
      'CLI_BAD_ADDRESS',
      `Cannot serve HTTP on ${JSON.stringify(text)}: wanted HOST:PORT, such as 127.0.0.1:8080`,
    )
  }
  return { host: v6 ?? (name || '127.0.0.1'), port }
}
