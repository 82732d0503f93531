import { beforeAll, expect, test, vi } from 'vitest'
import { pingResponse, statusResponse } from '../../../../src/gateway/status/status-response.ts'
import { STATUS } from './sample-status.ts'

beforeAll(() => {
  vi.stubEnv('TZ', 'Asia/Kolkata')
})

const NO_CACHE =
  'Expires: Thu, 01 Jan 1970 00:00:00 GMT\r\nCache-Control: no-cache, no-store, must-revalidate, max-age=0\r\n'

function ask(query: string, method = 'GET'): { readonly head: string; readonly body: string } {
  const text = Buffer.from(statusResponse(STATUS, { query, method })).toString('utf8')
  const end = text.indexOf('\r\n\r\n')
  return { head: text.slice(0, end + 2), body: text.slice(end + 4) }
}

test('text', () => {
  expect(ask('').body).toBe(`pool:                 acme
process manager:      ondemand
start time:           23/Nov/2026:10:54:40 +0530
start since:          10
accepted conn:        8
listen queue:         1
max listen queue:     2
listen queue len:     128
idle processes:       3
active processes:     4
total processes:      7
max active processes: 5
max children reached: 6
slow requests:        9
memory peak:          262144
worker pool:          www
workers:              2
max children:         32
cpu ms:               1234
memory bytes:         393216
received bytes:       21
sent bytes:           22
instances created:    10
resets:               11
refused:              12
traps unreachable:    13
kills cpu:            14
kills wall:           15
dropped log lines:    5
server dropped log lines master: 6
server dropped log lines admin: 7
outbound open:        16
outbound connections: 17
outbound sent bytes:  18
outbound received bytes: 19
outbound failures not-allowed: 20
queue wait sum ms:    20001
queue wait ms up to 0.1: 1
queue wait ms up to 0.5: 1
queue wait ms up to 1: 3
queue wait ms up to 5: 3
queue wait ms up to 10: 3
queue wait ms up to 50: 3
queue wait ms up to 100: 3
queue wait ms up to 500: 3
queue wait ms up to 1000: 3
queue wait ms up to 5000: 3
queue wait ms all:    6
`)
})

test('text, every instance: cpu and memory only of idle ones', () => {
  const { body } = ask('full')
  expect(body.slice(body.indexOf('\n***'))).toBe(`
************************
pid:                  101
state:                Idle
start time:           23/Nov/2026:10:54:44 +0530
start since:          6
requests:             7
request duration:     1500
request method:       GET
request URI:          /a.wasm?q=1
content length:       0
user:                 -
script:               /a.wasm
last request cpu:     12.35
last request memory:  131072

************************
pid:                  102
state:                Running
start time:           23/Nov/2026:10:54:44 +0530
start since:          6
requests:             1
request duration:     250
request method:       POST
request URI:          /a.wasm?q=1
content length:       42
user:                 kim
script:               /a.wasm
last request cpu:     0.00
last request memory:  0
`)
})

test('JSON', () => {
  const { body } = ask('json&full')
  expect(body).toContain(
    '{"pool":"acme","process manager":"ondemand","start time":1795411480,"start since":10,"accepted conn":8,' +
      '"listen queue":1,"max listen queue":2,"listen queue len":128,"idle processes":3,"active processes":4,' +
      '"total processes":7,"max active processes":5,"max children reached":6,"slow requests":9,"memory peak":262144,',
  )
  expect(body).toContain(
    ', "processes":[{"pid":101,"state":"Idle","start time":1795411484,"start since":6,"requests":7,' +
      '"request duration":1500,"request method":"GET","request uri":"\\/a.wasm?q=1","content length":0,"user":"-",' +
      '"script":"\\/a.wasm","last request cpu":12.35,"last request memory":131072},{"pid":102,',
  )
  expect(JSON.parse(body)['wasm-fpm']).toEqual({
    'worker pool': 'www',
    workers: 2,
    'max children': 32,
    'cpu ms': 1234,
    'memory bytes': 393_216,
    'received bytes': 21,
    'sent bytes': 22,
    'instances created': 10,
    resets: 11,
    refused: 12,
    traps: { unreachable: 13 },
    kills: { cpu: 14, wall: 15 },
    'dropped log lines': 5,
    'server dropped log lines': { master: 6, admin: 7 },
    'outbound open': 16,
    'outbound connections': 17,
    'outbound sent bytes': 18,
    'outbound received bytes': 19,
    'outbound failures': { 'not-allowed': 20 },
    'queue wait sum ms': 20_001,
    'queue wait ms': {
      'up to 0.1': 1,
      'up to 0.5': 1,
      'up to 1': 3,
      'up to 5': 3,
      'up to 10': 3,
      'up to 50': 3,
      'up to 100': 3,
      'up to 500': 3,
      'up to 1000': 3,
      'up to 5000': 3,
      all: 6,
    },
  })
  expect(JSON.parse(ask('json').body).processes).toBeUndefined()
})

test('XML', () => {
  const { body } = ask('xml&full')
  expect(
    body.startsWith(
      '<?xml version="1.0" ?>\n<status>\n<pool>acme</pool>\n<process-manager>ondemand</process-manager>\n<start-time>1795411480</start-time>\n',
    ),
  ).toBe(true)
  expect(body).toContain('<wasm-fpm>\n<worker-pool>www</worker-pool>\n<workers>2</workers>\n')
  expect(body).toContain('<kills><count of="cpu">14</count><count of="wall">15</count></kills>\n')
  expect(body).toContain('</wasm-fpm>\n<processes>\n<process><pid>101</pid><state>Idle</state>')
  expect(body.endsWith('</process>\n</processes>\n</status>')).toBe(true)
  expect(ask('xml').body.endsWith('</wasm-fpm>\n</status>')).toBe(true)
})

test('HTML', () => {
  const { body } = ask('html&full')
  expect(body).toContain('<tr><th>start time</th><td>23/Nov/2026:10:54:40 +0530</td></tr>\n')
  expect(body).toContain('<tr><th>traps unreachable</th><td>13</td></tr>\n')
  expect(body).toContain('<th>request uri</th><th>content length</th>')
  expect(body).toContain('<td>/a.wasm?q=1</td><td>42</td><td>kim</td>')
  expect(body.endsWith('</tr>\n</table></body></html>')).toBe(true)
})

test('OpenMetrics', () => {
  const { body } = ask('openmetrics&full')
  expect(body).toContain(
    '# TYPE phpfpm_accepted_connections counter\nphpfpm_accepted_connections 8\n',
  )
  expect(body).toContain(
    '# HELP phpfpm_memory_peak The memory usage peak since FPM has started.\n# TYPE phpfpm_memory_peak gauge\nphpfpm_memory_peak 262144\n',
  )
  expect(body).toContain(
    '# HELP wasm_fpm_cpu_seconds Processor time of the guests.\n# TYPE wasm_fpm_cpu_seconds counter\n' +
      '# UNIT wasm_fpm_cpu_seconds seconds\nwasm_fpm_cpu_seconds_total{tenant="acme",pool="www"} 1.2344\n',
  )
  expect(body).toContain('wasm_fpm_dropped_log_lines_total{tenant="acme",pool="www"} 5\n')
  for (const sample of ['master"} 6', 'admin"} 7'])
    expect(body).toContain(
      `wasm_fpm_server_dropped_log_lines_total{tenant="acme",pool="www",kind="${sample}\n`,
    )
  expect(body).toContain('wasm_fpm_kills_total{tenant="acme",pool="www",kind="wall"} 15\n')
  expect(body).toContain(
    'wasm_fpm_queue_wait_seconds_bucket{tenant="acme",pool="www",le="5"} 3\n' +
      'wasm_fpm_queue_wait_seconds_bucket{tenant="acme",pool="www",le="+Inf"} 6\n' +
      'wasm_fpm_queue_wait_seconds_count{tenant="acme",pool="www"} 6\n' +
      'wasm_fpm_queue_wait_seconds_sum{tenant="acme",pool="www"} 20.0005\n# EOF\n',
  )
  const families = [...body.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name)
  expect(new Set(families).size).toBe(families.length)
})

const FORMS: ReadonlyArray<readonly [query: string, type: string]> = [
  ['', 'text/plain;charset=UTF-8'],
  ['other=html', 'text/plain;charset=UTF-8'],
  ['html', 'text/html;charset=UTF-8'],
  ['json=0', 'application/json'],
  ['full=&xml&json', 'text/xml;charset=UTF-8'],
  ['json&html', 'text/html;charset=UTF-8'],
  ['%6ason', 'application/json'],
  ['openmetrics', 'application/openmetrics-text; version=1.0.0; charset=utf-8'],
]
for (const [query, type] of FORMS) {
  test(`header for ?${query}, with GET and with HEAD`, () => {
    const { head, body } = ask(query)
    expect(head).toBe(
      `Status: 200 OK\r\n${NO_CACHE}Content-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nX-Content-Type-Options: nosniff\r\n`,
    )
    expect(ask(query, 'HEAD')).toEqual({ head, body: '' })
  })
}

test('ping', () => {
  const head = (length: number) =>
    `Status: 200 OK\r\n${NO_CACHE}Content-Type: text/plain;charset=UTF-8\r\nContent-Length: ${length}\r\nX-Content-Type-Options: nosniff\r\n\r\n`
  expect(Buffer.from(pingResponse('pong', { method: 'GET' })).toString()).toBe(`${head(4)}pong`)
  expect(Buffer.from(pingResponse('né', { method: 'POST' })).toString()).toBe(`${head(3)}né`)
  expect(Buffer.from(pingResponse('pong', { method: 'HEAD' })).toString()).toBe(head(4))
})
