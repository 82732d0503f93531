/** Lines of a log, taken for what they are: JSON of ours, php-fpm's access format, or text for people. */

export interface LogEntry {
  /** Without its final line feed; text for people may have several lines. */
  readonly text: string
  /** What it is in JSON; undefined: it is not. */
  readonly fields: Readonly<Record<string, unknown>> | undefined
  /** Milliseconds since 1970; undefined: it does not say. */
  readonly timeMs: number | undefined
  /** Whose it is; undefined: it does not say. */
  readonly tenant: string | undefined
}

/** `%t` as php-fpm and we write it. */
const ACCESS_TIME = /(\d{2})\/([A-Z][a-z]{2})\/(\d{4}):(\d{2}:\d{2}:\d{2}) ([+-]\d{2})(\d{2})/

/**
 * In text for people, a tenant stands on a line of its own, or before what was asked of it. No part of this goes on over the end of a
 * line: who may write to a log may write a million that are empty, and from each all others would be looked through.
 */
const TENANT_LINE = /^[ \t]+tenant: "([^"\r\n]*)"$|^\[[\d:.]+\] (\S+) \S+ \S+ -> \d{3} in /m

/** Lines that start with a space go on with the entry before them. */
export function readEntries(lines: readonly string[]): readonly LogEntry[] {
  const texts: string[] = []
  for (const line of lines) {
    const last = texts.length - 1
    if (/^\s/.test(line) && last >= 0) texts[last] += `\n${line}`
    else if (line !== '') texts.push(line)
  }
  return texts.map(readEntry)
}

export function readEntry(text: string): LogEntry {
  const fields = readFields(text)
  if (fields === undefined) {
    const [, onItsOwn, before] = TENANT_LINE.exec(text) ?? []
    return { text, fields, timeMs: accessTimeMs(text), tenant: onItsOwn ?? before }
  }
  const { time, tenant } = fields
  return {
    text,
    fields,
    timeMs: typeof time === 'number' ? time : parseTime(time),
    tenant: typeof tenant === 'string' ? tenant : undefined,
  }
}

function readFields(text: string): LogEntry['fields'] {
  if (!text.startsWith('{')) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Of an object nothing is asked: its `toString` may be none. */
function parseTime(time: unknown): number | undefined {
  const timeMs = typeof time === 'string' ? Date.parse(time) : Number.NaN
  return Number.isNaN(timeMs) ? undefined : timeMs
}

function accessTimeMs(text: string): number | undefined {
  const match = ACCESS_TIME.exec(text)
  if (match === null) return undefined
  const [, day, month, year, time, hours, minutes] = match
  const timeMs = Date.parse(`${day} ${month} ${year} ${time} ${hours}${minutes}`)
  return Number.isNaN(timeMs) ? undefined : timeMs
}
