/** `wasm-fpm serve`: answers FastCGI requests until it is told to stop. */
import { Command } from 'commander'
import { systemClock } from '../base/clock.ts'
import { CodedError } from '../base/errors.ts'
import { createLogger } from '../base/logger.ts'
import { loadConfig } from '../config/load.ts'
import { startServer } from '../worker/server.ts'
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
  const config = loadConfig(findConfigFile(options.config))
  const { level, format } = config.log
  const logger = createLogger(level, format === 'auto' ? undefined : format === 'readable')
  const http = options.http === undefined ? undefined : parseHttpAddress(options.http)
  const server = await startServer({ config, clock: systemClock, logger, http })
  for (const address of server.addresses) logger.info({ address }, 'listening')
  if (server.httpUrl !== undefined) {
    logger.info({ url: server.httpUrl }, 'listening for HTTP')
    process.stdout.write(`try: curl -i ${server.httpUrl}/hello.wasm\n`)
  }
  logger.info({ tenants: config.tenants.length }, 'ready')

  const stop = (signal: NodeJS.Signals, graceMs: number): void => {
    logger.info({ signal, graceMs }, 'stopping')
    void server.stop(graceMs).then(() => {
      logger.info('stopped')
      process.exit(0)
    })
  }
  process.once('SIGTERM', (signal) => stop(signal, config.processControlTimeoutMs))
  process.once('SIGQUIT', (signal) => stop(signal, config.processControlTimeoutMs))
  process.once('SIGINT', (signal) => stop(signal, 0))
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
