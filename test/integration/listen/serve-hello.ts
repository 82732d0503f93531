/**
 * A process for the tests to start: `serve-hello.ts ADDRESS [exit]` answers every request with `hello` and prints the
 * address it listens on; then exits, if told to.
 */
import { pino } from 'pino'
import { systemClock } from '../../../src/base/clock.ts'
import { DEFAULT_CONNECTION_LIMITS } from '../../../src/fastcgi/limits.ts'
import { ParamsBudget } from '../../../src/fastcgi/params-budget.ts'
import { openListener } from '../../../src/gateway/listen/listener.ts'

const [address = '', what] = process.argv.slice(2)
const body = Buffer.from('Status: 200 OK\r\nContent-Type: text/plain\r\n\r\nhello\n')

const listener = await openListener(address, {
  clock: systemClock,
  logger: pino({ base: null }, pino.destination({ dest: 2, sync: true })),
  connection: {
    limits: DEFAULT_CONNECTION_LIMITS,
    paramsBudget: new ParamsBudget(),
    multiplex: true,
    values: () => ({ maxConns: 1, maxReqs: 1 }),
  },
  handler: {
    onRequest(request) {
      request.stdout.write(body)
      request.end(0, 0)
    },
    onBadRequest: (request) => request.end(0, 1),
  },
})
process.stdout.write(`${listener.address}\n`)
if (what === 'exit') process.exit(0)
