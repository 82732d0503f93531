/** The entry of a request looks up what is asked for, and nothing else. */
import { expect, test, vi } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { createLogger } from '../../../src/base/logger.ts'
import { type Answered, RequestEntry } from '../../../src/gateway/access-entry.ts'
import { compileAccessFormat } from '../../../src/gateway/access-line.ts'
import { createAccessLog } from '../../../src/gateway/access-log.ts'

const NOBODY: Answered = {
  ...{ requestId: 'r', tenant: undefined, handler: undefined, cgi: undefined },
  ...{ body: undefined, run: undefined },
}

test('no format that does not name it asks for the parent or the time', () => {
  const parent = vi.spyOn(process, 'ppid', 'get').mockReturnValue(77)
  const epochMs = vi.fn(systemClock.epochMs)
  const clock = { ...systemClock, epochMs, realtimeNs: () => expect.unreachable() }
  const end = { status: 404, code: undefined, report: undefined }
  const make = (): RequestEntry =>
    new RequestEntry(NOBODY, end, { response: undefined, clock, startMs: clock.nowMs() })
  const to = { write: () => undefined }
  createAccessLog(createLogger('info', false, to))(make())
  expect(compileAccessFormat('%R %u %m %r%Q%q %s %d %M %l %f %n %p')(make())).toMatch(
    /^- - - - 404/,
  )
  expect([parent.mock.calls.length, epochMs.mock.calls.length]).toEqual([0, 0])
  expect(compileAccessFormat('%P %{%Y}t')(make())).toMatch(/^77 2\d{3}$/)
  expect([parent.mock.calls.length, epochMs.mock.calls.length]).toEqual([1, 1])
  parent.mockRestore()
})
