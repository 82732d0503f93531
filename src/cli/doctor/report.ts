/** What the doctor says, for people and for programs. */
import type { Check } from './check-result.ts'

const MARKS = { ok: 'ok  ', warn: 'WARN', fail: 'FAIL' } as const

export interface Summary {
  readonly ok: number
  readonly warn: number
  readonly fail: number
}

export function summarize(checks: readonly Check[]): Summary {
  const count = (status: Check['status']): number =>
    checks.filter((check) => check.status === status).length
  return { ok: count('ok'), warn: count('warn'), fail: count('fail') }
}

/** A table; under what is not well stands what to do. Tenants with which all is well are counted, not listed. */
export function printChecks(checks: readonly Check[]): string {
  const isListed = ({ subject, status }: Check): boolean =>
    status !== 'ok' || !subject.startsWith('tenant ')
  const listed = checks.filter(isListed)
  const width = Math.max(0, ...listed.map(({ subject, name }) => `${subject}: ${name}`.length))
  const lines = listed.flatMap(({ subject, name, status, actual, advice }) => {
    const line = `${MARKS[status]}  ${`${subject}: ${name}`.padEnd(width)}  ${actual}`
    return advice === '' ? [line] : [line, `      -> ${advice}`]
  })
  const hidden = checks.length - listed.length
  if (hidden > 0) lines.push(`ok    ${hidden} more of tenants`)
  const { ok, warn, fail } = summarize(checks)
  return `${lines.join('\n')}\n\n${ok} ok, ${warn} to look at, ${fail} to put right\n`
}

export function printJson(checks: readonly Check[]): string {
  return `${JSON.stringify({ summary: summarize(checks), checks }, undefined, 2)}\n`
}
