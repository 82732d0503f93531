/** What examples/monitoring names is there: every figure of the dashboard, and the port of the scrape configuration. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseConfig } from '../../../src/config/parse.ts'
import { machineMetrics } from '../../../src/master/machine-metrics.ts'
import { busyMachine } from '../master/busy-machine.ts'

const read = (name: string): string => readFileSync(`examples/monitoring/${name}`, 'utf8')

interface Panel {
  readonly title: string
  readonly targets: ReadonlyArray<{ readonly expr: string }>
}

/** Name to label names. */
function seriesOf(text: string): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>()
  for (const [, name = '', labels = ''] of text.matchAll(/^(wasm_fpm_\w+)(?:\{(.*)\})? /gm)) {
    const known = found.get(name) ?? new Set()
    found.set(name, known)
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) known.add(label)
  }
  return found
}

test('every figure that the dashboard names is there, with the labels that it names', () => {
  const series = seriesOf(machineMetrics(busyMachine(1)))
  const { panels, templating } = JSON.parse(read('dashboard.json'))
  const expressions = (panels as Panel[]).flatMap(({ targets }) => targets.map(({ expr }) => expr))
  expressions.push(templating.list[1].query.query)
  expect(expressions.length).toBeGreaterThan(20)
  for (const expression of expressions) {
    const names = expression.match(/wasm_fpm_\w+/g) ?? []
    expect(names.filter((name) => !series.has(name))).toEqual([])
    expect(names.length).toBeGreaterThan(0)
    const [, grouped = ''] = /by \(([^)]*)\)/.exec(expression) ?? []
    const labels = grouped.split(', ').filter((label) => label !== '' && label !== 'instance')
    for (const label of labels) expect(series.get(names[0] ?? '')).toContain(label)
  }
  // And the other way round: nothing is told that nobody would see.
  const text = expressions.join(' ')
  const notShown = [...series.keys()].filter((name) => !text.includes(name))
  expect(notShown.sort()).toEqual([
    'wasm_fpm_queue_wait_seconds_count',
    'wasm_fpm_queue_wait_seconds_sum',
    'wasm_fpm_tenant_info',
    'wasm_fpm_uptime_seconds',
    'wasm_fpm_waited_seconds_total',
  ])
})

test('Prometheus asks at the port that the configuration opens', () => {
  const { metrics } = parseConfig(read('wasm-fpm.toml'), '/etc/wasm-fpm/wasm-fpm.toml')
  const targets = [...read('prometheus.yml').matchAll(/^ +- (\S+):(\d+)$/gm)]
  expect(targets.map(([, , port]) => Number(port))).toEqual([
    metrics?.listen.port,
    metrics?.listen.port,
  ])
})
