/**
 * How many requests are lost while one of two machines behind a web server is stopped and started, again and again.
 *
 *     node bench/fleet/stops.ts [--stops 100] [--requests 1000000] [--behind nginx]
 */
import { parseArgs } from 'node:util'
import { countLost } from '../../test/support/fleet/count-lost.ts'
import { WEB_SERVERS } from '../../test/support/fleet/web-server.ts'
import { freePort } from '../../test/support/peers/child.ts'

const { values } = parseArgs({
  options: {
    stops: { type: 'string', default: '100' },
    requests: { type: 'string', default: '1000000' },
    behind: { type: 'string', multiple: true, default: [...WEB_SERVERS] },
  },
})

for (const kind of WEB_SERVERS.filter((one) => values.behind.includes(one))) {
  const result = await countLost({
    kind,
    port: await freePort(),
    stops: Number(values.stops),
    requests: Number(values.requests),
  })
  const { answered, lost, longestMs, said } = result
  process.stdout.write(
    `${kind}: ${lost.length} of ${answered + lost.length} lost, longest answer ${Math.round(longestMs)} ms\n`,
  )
  for (const [what, count] of tally(lost)) process.stdout.write(`  ${count} x ${what}\n`)
  const reasons = [...said.matchAll(/Server \S+ is (?:UP|DOWN)[^\n]*?reason: [^,\n]*/g)]
  const changes = reasons.map(([text]) => text.replace(/\d+ms/g, 'N ms'))
  for (const [what, count] of tally(changes)) process.stdout.write(`  ${count} x ${what}\n`)
}

function tally(lost: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const what of lost) counts.set(what, (counts.get(what) ?? 0) + 1)
  return counts
}
