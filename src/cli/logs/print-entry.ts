/** Entries of the logs for people: the time, whose it is, what happened. */

import { harmless } from '../../base/harmless.ts'
import { clockTime, printMs } from '../../base/quantity.ts'
import { printAccess, printMessage } from '../../base/readable-line.ts'
import type { LogEntry } from '../../logs/log-entry.ts'

type Fields = Readonly<Record<string, unknown>>

const LEVELS: ReadonlyMap<unknown, string> = new Map([
  [20, 'debug'],
  [30, 'info'],
  [40, 'warn'],
  [50, 'error'],
  [60, 'fatal'],
])

/** Of a message, these are said in another way or of no use to people. */
const NOT_LISTED = new Set(['level', 'time', 'msg', 'tenant', 'backtrace', 'pid', 'err'])

/** Whole lines. What is not JSON stays as it is, control characters excepted. */
export function printEntry({ text, fields, timeMs }: LogEntry): string {
  if (fields === undefined) return `${text.split('\n').map(harmless).join('\n')}\n`
  const time = timeMs === undefined ? '' : `${clockTime(timeMs)} `
  const tenant = fields['tenant']
  const owner = typeof tenant === 'string' ? `${tenant} ` : ''
  return `${time}${harmless(owner)}${what(fields)}\n${printFrames(fields['backtrace'])}`
}

function what(fields: Fields): string {
  const { msg: message, stream, status, wallMs } = known(fields)
  // First: a guest may print the words of our own messages.
  if (stream === 'stderr') return `stderr: ${printMessage(message)}`
  if (message === 'access' && status !== undefined) return printAccess(fields)
  if (message === 'slow request' && wallMs !== undefined) return printSlow(fields)
  const level = LEVELS.get(fields['level'])
  const mark = level === undefined || level === 'info' ? '' : `${level}: `
  return `${mark}${printMessage(message)}${printRest(fields)}${printError(fields['err'])}`
}

interface Known {
  readonly msg?: unknown
  readonly stream?: unknown
  readonly status?: unknown
  readonly wallMs?: unknown
}

function known(fields: Known): Known {
  return fields
}

function printSlow(fields: Fields): string {
  const wall = printMs(number(fields['wallMs']))
  const cpu = printMs(number(fields['cpuMs']))
  return `slow request: ${text(fields['uri'])} took ${wall} (${cpu} CPU)`
}

/** Names of the guest's functions are the tenant's words. */
function printFrames(frames: unknown): string {
  if (!Array.isArray(frames)) return ''
  return frames.map((frame) => `    at ${text(frame)}\n`).join('')
}

function printRest(fields: Fields): string {
  const rest = Object.entries(fields).filter(
    ([name, value]) => !NOT_LISTED.has(name) && value !== undefined && value !== '',
  )
  const pairs = rest.map(([name, value]) => `${harmless(name)}=${text(value)}`)
  return pairs.length === 0 ? '' : ` (${pairs.join(' ')})`
}

/** An error of our own, with the place in our program. */
function printError(error: unknown): string {
  const stack: unknown = Reflect.get(Object(error), 'stack')
  return typeof stack === 'string' ? `\n${stack.split('\n').map(harmless).join('\n')}` : ''
}

function text(value: unknown): string {
  return harmless(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''))
}

function number(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0
}
