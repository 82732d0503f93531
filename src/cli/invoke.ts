/**
 * `wasm-fpm invoke`: one request to a module or to a tenant's handler, with no web server and no socket. The request
 * takes the same way as any other, through a FastCGI connection in memory.
 */
import { isUtf8 } from 'node:buffer'
import { Command, Option } from 'commander'
import { systemClock } from '../base/clock.ts'
import { createLogger } from '../base/logger.ts'
import { DEFAULT_STORE, isStore } from '../store/open-store.ts'
import { ReleaseReader } from '../store/release-reader.ts'
import { assembleGateway } from '../worker/assemble-gateway.ts'
import { type ExchangeResult, exchange } from '../worker/memory-exchange.ts'
import { ExitCode } from './exit-code.ts'
import { type Located, locateTarget } from './invoke/locate-target.ts'
import { jsonOption, printJson } from './json.ts'

interface InvokeOptions {
  readonly config?: string
  readonly tenant?: string
  readonly method?: string
  readonly path: string
  readonly header: readonly string[]
  readonly data?: string
  readonly include?: boolean
  readonly json?: boolean
}

export function invokeCommand(): Command {
  return new Command('invoke')
    .description(
      'send one request to a module, or to TENANT/HANDLER of a configuration, and print the answer',
    )
    .argument('<target>', 'a module file (./hello.wasm), or TENANT/HANDLER with --config')
    .option('--config <FILE>', 'the configuration that has the tenant, and its store')
    .option(
      '--tenant <T>',
      'of a module: whose settings hold (default: the only tenant of --config)',
    )
    .option('-X, --method <M>', 'the request method (default: GET, or POST with --data)')
    .option('--path <P>', 'what follows the handler in the URL: path info and query', '')
    .option(
      '-H, --header <H>',
      'a request header, "Name: value" (repeatable)',
      (value, before: readonly string[]) => [...before, value],
      [],
    )
    .addOption(new Option('-d, --data <D>', 'the request body; "-" reads standard input'))
    .option('-i, --include', "print the response's header too")
    .addOption(jsonOption())
    .action(invoke)
}

async function invoke(target: string, options: InvokeOptions): Promise<void> {
  const located = locateTarget(target, options)
  const releases = await openReleases(located)
  try {
    await answer(located, options, releases)
  } finally {
    await releases?.close()
  }
  await Promise.all([process.stdout, process.stderr].map(written))
  // An idle instance would keep the process for as long as the tenant keeps it.
  process.exit()
}

function written(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    stream.write('', () => resolve())
  })
}

async function answer(
  { config, tenant, handler }: Located,
  options: InvokeOptions,
  releases: ReleaseReader | undefined,
): Promise<void> {
  const settings = { clock: systemClock, logger: createLogger('warn'), accessLog: false }
  const gateway = assembleGateway(config, settings, releases)
  const body = await readBody(options.data)
  await gateway.booted
  const [pathInfo = '', query = ''] = options.path.split(/\?(.*)/s)
  const scriptName = (await routeOf(releases, tenant, handler)) ?? `/${handler}`
  const params: Array<[string, string]> = [
    ['WASM_FPM_TENANT', tenant],
    ['REQUEST_METHOD', options.method ?? (options.data === undefined ? 'GET' : 'POST')],
    ['SCRIPT_NAME', scriptName],
    ['PATH_INFO', pathInfo],
    ['QUERY_STRING', query],
    ['REQUEST_URI', scriptName + options.path],
    ['SERVER_PROTOCOL', 'HTTP/1.1'],
    ['SERVER_NAME', 'localhost'],
    ['SERVER_PORT', '80'],
    ['REMOTE_ADDR', '127.0.0.1'],
    ['CONTENT_LENGTH', String(body.length)],
    ...options.header.map(headerParam),
  ]
  const pool = config.tenants.find(({ name }) => name === tenant)?.pool ?? config.pools[0]?.name
  const response = await exchange(gateway, { pool: pool ?? '', params, body })
  const headEnd = response.stdout.indexOf('\r\n\r\n') + 4
  const head = response.stdout.toString('latin1', 0, headEnd)
  const status = Number(/^Status: (\d+)/m.exec(head)?.[1] ?? 500)
  if (options.json === true) printJson(asJson(response, head, status))
  else {
    process.stdout.write(response.stdout.subarray(options.include === true ? 0 : headEnd))
    if (response.stderr.length > 0) process.stderr.write(response.stderr)
  }
  process.exitCode = status < 400 && response.isComplete ? 0 : ExitCode.Failure
}

/** The store that the configuration means, if there is one. Rejects with `StoreError` when it names one that cannot be read. */
async function openReleases({ config, usesStore }: Located): Promise<ReleaseReader | undefined> {
  if (!usesStore) return undefined
  const folder = config.store ?? ((await isStore(DEFAULT_STORE)) ? DEFAULT_STORE : undefined)
  return folder === undefined ? undefined : ReleaseReader.open(folder, { clock: systemClock })
}

/** Where the published handler of that name answers, without a slash at the end; undefined: there is none. */
async function routeOf(
  releases: ReleaseReader | undefined,
  tenant: string,
  name: string,
): Promise<string | undefined> {
  const live = await releases?.current(tenant)
  const handler = live?.handlers.find((one) => one.name === name)
  return handler?.release.manifest.routes[0]?.path.replace(/\/$/, '')
}

/** A body that is no text comes in Base64. */
function asJson({ stdout, stderr }: ExchangeResult, head: string, status: number): object {
  const headers = head.split('\r\n').flatMap((line) => {
    const [, name, value] = /^([^:]+): ?(.*)$/.exec(line) ?? []
    return name === undefined || name === 'Status' ? [] : [[name, value]]
  })
  const bytes = stdout.subarray(head.length)
  const body = isUtf8(bytes)
    ? { body: bytes.toString('utf8') }
    : { bodyBase64: bytes.toString('base64') }
  return { status, headers, ...body, stderr: stderr.toString('utf8') }
}

function headerParam(header: string): [string, string] {
  const colon = header.indexOf(':')
  const name = header.slice(0, colon < 0 ? header.length : colon).trim()
  const value = colon < 0 ? '' : header.slice(colon + 1).trim()
  const variable = name.toUpperCase().replace(/-/g, '_')
  return [variable === 'CONTENT_TYPE' ? variable : `HTTP_${variable}`, value]
}

async function readBody(option: string | undefined): Promise<Buffer> {
  if (option !== '-') return Buffer.from(option ?? '', 'utf8')
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
