/** Answers slowly: ?n= lines (default 5) with ?ms= between (default 200), each sent as it is written. */
import { queryNumber, sleep, write } from './lib/cgi'

const lines = queryNumber('n', 5)
const gapMs = queryNumber('ms', 200)

write('Content-Type: text/plain; charset=utf-8\r\n\r\n')
for (let line = 1; line <= lines; line++) {
  if (line > 1) sleep(gapMs)
  write(`line ${line.toString()} of ${lines.toString()}\n`)
}
