/** What can be read of logs: the last lines, and those that come. A tenant sees its own. */
import { basename } from 'node:path'
import { toWire } from '../base/errors.ts'
import { LogsError, noLogFile } from '../logs/errors.ts'
import { LogReader, type Sourced } from '../logs/log-reader.ts'
import { logSources } from '../logs/log-sources.ts'
import { type AdminContext, tenantOf } from './context.ts'
import type { Answer, Call, Endpoint } from './endpoint.ts'
import { AdminError } from './errors.ts'
import type { EventStream } from './event-stream.ts'
import type { AdminLimits } from './limits.ts'
import { readCount } from './read-count.ts'
import { logEventSchema, logsSchema } from './schemas.ts'

const QUERY = [{ name: 'lines', description: 'How many of the last lines at most; default: 20.' }]
const DEFAULT_LINES = 20

export function logEndpoints(context: AdminContext): readonly Endpoint[] {
  const response = { status: 200, description: 'Oldest first.', schema: logsSchema }
  return [
    {
      id: 'getTenantLogs',
      method: 'GET',
      path: '/v1/tenants/{tenant}/logs',
      reach: 'tenant',
      scope: 'read',
      summary: "The last lines of a tenant's logs; as events also those that come.",
      query: QUERY,
      response,
      events: logEventSchema,
      isChange: false,
      handle: (call) => answer(context, call, tenantOf(context, call.tenant).name),
    },
    {
      id: 'getLogs',
      method: 'GET',
      path: '/v1/logs',
      reach: 'operator',
      scope: 'read',
      summary: 'The last lines of all logs; as events also those that come.',
      query: QUERY,
      response,
      events: logEventSchema,
      isChange: false,
      handle: (call) => answer(context, call, undefined),
    },
  ]
}

/** `tenant`: undefined: all. */
async function answer(
  context: AdminContext,
  call: Call,
  tenant: string | undefined,
): Promise<Answer> {
  const { limits } = context
  const count = readCount('lines', call.query.get('lines'), {
    least: 0,
    most: limits.logLines,
    usual: Math.min(DEFAULT_LINES, limits.logLines),
  })
  const { settings } = context.settings()
  const { files, notes } = logSources(settings, tenant)
  if (files.length === 0) throw noLogFile(notes)
  if (files.length > limits.logFiles) {
    throw new AdminError(
      'ADMIN_BAD_REQUEST',
      `Cannot show logs: they are ${files.length} files, wanted at most ${limits.logFiles}: those of one tenant`,
    )
  }
  const giveBack = context.readers.take(call.principal.tenant ?? '')
  const reader = new LogReader(files, {
    tenant,
    believesText: call.principal.tenant === undefined,
    limits: {
      tailBytes: limits.logTailBytes,
      lineChars: limits.logLineChars,
      behindBytes: limits.logBehindBytes,
      // The folder may be the workers': what a link of theirs leads to is not for them to be shown.
      mayBeLink: false,
    },
  })
  const print = printerFor(call, tenant)
  const known = JSON.stringify(files)
  try {
    const last = reader.last(count)
    if (!call.wantsEvents) return { status: 200, value: { notes, entries: last.map(print) } }
    const stream = call.events()
    await stream.send(notes.map((note) => ({ name: 'note', value: { note } })))
    await stream.send(last.map((found) => ({ name: 'entry', value: print(found) })))
    const isSame = (): boolean => {
      const now = context.settings().settings
      return now === settings || JSON.stringify(logSources(now, tenant).files) === known
    }
    await goOn(reader, stream, { ...context, call, print, isSame })
    const reason = isSame() ? 'the server ends' : 'the configuration has other logs now'
    return { status: 200, value: { reason } }
  } catch (error) {
    throw withoutFolders(error, call)
  } finally {
    reader.close()
    giveBack()
  }
}

interface Going extends Pick<AdminContext, 'clock'> {
  readonly limits: AdminLimits
  readonly call: Call
  readonly print: (found: Sourced) => object
  /** Whether these are the logs still: whose lines are in which may be another's by now. */
  readonly isSame: () => boolean
}

/** Until nobody listens any more, or the token that asked is good no more. A log is read when the client has taken what was read before. */
async function goOn(
  reader: LogReader,
  stream: EventStream,
  { clock, limits, call, print, isSame }: Going,
): Promise<void> {
  let checkedMs = clock.nowMs()
  while (!stream.isOver && isSame()) {
    const entries = reader.next()
    const skippedBytes = reader.takeSkippedBytes()
    if (skippedBytes > 0) await stream.send([{ name: 'skipped', value: { bytes: skippedBytes } }])
    await stream.send(entries.map((found) => ({ name: 'entry', value: print(found) })))
    if (clock.nowMs() - checkedMs >= limits.logCheckMs) {
      await call.isStillAllowed()
      await stream.beat()
      checkedMs = clock.nowMs()
    }
    // Others have their turn, also when there is more.
    await stream.wait(reader.isAtEnd ? limits.logLookMs : 0)
  }
}

/** Where its files are is not for a tenant to know, nor what of ours was at work. */
function printerFor({ principal }: Call, tenant: string | undefined): (found: Sourced) => object {
  const isOperator = principal.tenant === undefined
  return ({ source: { path }, entry: { fields, text } }) => {
    const file = isOperator ? path : basename(path)
    if (fields === undefined) return { file, text }
    const { pid: _, err: __, ...own } = fields
    return { file, entry: isOperator || tenant === undefined ? fields : own }
  }
}

function withoutFolders(error: unknown, { principal }: Call): unknown {
  const { code, message } = toWire(error)
  if (principal.tenant === undefined || code !== 'LOGS_UNREADABLE') return error
  const shown = message.replaceAll(/\/\S+\//g, '')
  return new LogsError('LOGS_UNREADABLE', shown, { cause: error })
}
