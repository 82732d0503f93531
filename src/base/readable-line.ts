/** Log lines for people at a terminal: those of requests in a form of their own, all others as pino-pretty has them. */
import { createRequire } from 'node:module'
import { isatty } from 'node:tty'
import { harmless } from './harmless.ts'
import { clockTime, printBytes, printMs } from './quantity.ts'

type Fields = Readonly<Record<string, unknown>>

/** Green, yellow, red: by the first digit of the status. */
const COLOURS: Readonly<Record<string, number>> = { '2': 32, '3': 32, '4': 33, '5': 31 }

/** Makes what turns a line of JSON into one for people, with its line feed. */
export function readableLines(hasColours: boolean): (line: string) => string {
  // Loaded only where it is wanted: no worker of a service has a terminal.
  const { prettyFactory }: typeof import('pino-pretty') = createRequire(import.meta.url)(
    'pino-pretty',
  )
  const prettify = prettyFactory({
    sync: true,
    translateTime: 'SYS:HH:MM:ss.l',
    colorize: hasColours,
    messageFormat: (log, key) => printMessage(log[key]),
  })
  return (line) => accessLine(line, hasColours) ?? prettify(line)
}

/** Whether whoever reads standard error wants colours: asked of that stream itself, whatever becomes of standard output. */
export function wantsColours(): boolean {
  const { NO_COLOR: no = '', FORCE_COLOR: force = '' } = process.env
  if (no !== '') return false
  return force === '' ? isatty(2) : force !== '0'
}

/** What was asked for and answered: `GET /shop -> 200 in 1.2 ms (0.8 ms CPU, 5.1 KiB)`. */
export function printAccess(fields: Fields): string {
  const [wallMs, cpuMs, bytes] = ['wallMs', 'cpuMs', 'responseBytes'].map((name) =>
    number(fields[name]),
  )
  const spent = `${printMs(cpuMs ?? 0)} CPU, ${printBytes(bytes ?? 0)}`
  const code = fields['code'] === undefined ? '' : ` ${text(fields['code'])}`
  const asked = `${text(fields['method'])} ${text(fields['uri'])}`
  return `${asked} -> ${text(fields['status'])} in ${printMs(wallMs ?? 0)} (${spent})${code}`
}

function accessLine(line: string, hasColours: boolean): string | undefined {
  // Cheaper than to parse every line.
  if (!line.includes('"msg":"access"')) return undefined
  const fields = read(line)
  // A guest may print the words of our own messages.
  if (fields?.['msg'] !== 'access' || fields['stream'] !== undefined) return undefined
  const tenant = fields['tenant'] === undefined ? '-' : text(fields['tenant'])
  const words = `${tenant} ${printAccess(fields)}`
  const colour = COLOURS[String(fields['status']).charAt(0)]
  const shown = hasColours && colour !== undefined ? `\u001b[${colour}m${words}\u001b[39m` : words
  return `[${clockTime(Date.parse(String(fields['time'])))}] ${shown}\n`
}

function read(line: string): Fields | undefined {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

/**
 * A message may have several lines: those behind the first are set in, so that none looks like an entry of its own. It may be a
 * guest's words: none of them is to move the cursor.
 */
export function printMessage(message: unknown): string {
  if (typeof message !== 'string') return text(message)
  return message.split('\n').map(harmless).join('\n    ')
}

function text(value: unknown): string {
  return harmless(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''))
}

function number(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0
}
