/** The status page as text, HTML, XML and JSON, byte for byte as php-fpm 8.4 prints its own fields. */

import { escapeControl } from '../access-line/escape-control.ts'
import { strftime } from '../access-line/strftime.ts'
import { escapeJson, escapeMarkup } from './escape.ts'
import {
  type Field,
  type FieldValue,
  instanceFields,
  type OwnField,
  ownFields,
  poolFields,
} from './fields.ts'
import type { PoolStatus } from './pool-status.ts'

const TIME_FORMAT = '%d/%b/%Y:%H:%M:%S %z'

/** Width of a label of the text form, colon included. */
const LABEL_WIDTH = 22

export function renderText(status: PoolStatus, isFull: boolean): string {
  const line = ({ name, value }: Field): string =>
    `${`${escapeControl(name)}:`.padEnd(LABEL_WIDTH - 1)} ${escapeControl(readable(value))}\n`
  // The text form alone spells it in capitals.
  const instanceLine = (field: Field): string =>
    line(field.name === 'request uri' ? { ...field, name: 'request URI' } : field)
  const head = [...poolFields(status), ...flatOwnFields(status)].map(line).join('')
  if (!isFull) return head
  const instances = status.processes.map((instance) => {
    const lines = instanceFields(instance, status.nowEpochMs).map(instanceLine)
    return `\n************************\n${lines.join('')}`
  })
  return head + instances.join('')
}

export function renderHtml(status: PoolStatus, isFull: boolean): string {
  const cell = ({ value }: Field): string => `<td>${escapeMarkup(readable(value))}</td>`
  const heading = ({ name }: Field): string => `<th>${escapeMarkup(name)}</th>`
  const rows = [...poolFields(status), ...flatOwnFields(status)].map(
    (field) => `<tr>${heading(field)}${cell(field)}</tr>\n`,
  )
  const page = `${HTML_HEAD}<table>\n${rows.join('')}</table>\n`
  if (!isFull) return `${page}</body></html>`
  const instances = status.processes.map((instance) => instanceFields(instance, status.nowEpochMs))
  const headings = instanceFields(NO_INSTANCE, 0).map(heading).join('')
  const body = instances.map((fields) => `<tr>${fields.map(cell).join('')}</tr>\n`).join('')
  return `${page}<table border="1">\n<tr>${headings}</tr>\n${body}</table></body></html>`
}

export function renderXml(status: PoolStatus, isFull: boolean): string {
  const element = ({ name, value }: Field): string =>
    `<${xmlName(name)}>${escapeMarkup(exact(value))}</${xmlName(name)}>`
  const own = ({ name, value }: OwnField): string => {
    if (!isGroup(value)) return `${element({ name, value })}\n`
    const entries = value.map(
      (field) =>
        `<count of="${escapeMarkup(field.name)}">${escapeMarkup(exact(field.value))}</count>`,
    )
    return `<${xmlName(name)}>${entries.join('')}</${xmlName(name)}>\n`
  }
  const head = poolFields(status)
    .map((field) => `${element(field)}\n`)
    .join('')
  const beside = `<wasm-fpm>\n${ownFields(status).map(own).join('')}</wasm-fpm>\n`
  const page = `<?xml version="1.0" ?>\n<status>\n${head}${beside}`
  if (!isFull) return `${page}</status>`
  const instances = status.processes.map((instance) => {
    const elements = instanceFields(instance, status.nowEpochMs).map(element)
    return `<process>${elements.join('')}</process>\n`
  })
  return `${page}<processes>\n${instances.join('')}</processes>\n</status>`
}

export function renderJson(status: PoolStatus, isFull: boolean): string {
  const value = (one: FieldValue): string =>
    one.kind === 'text' ? `"${escapeJson(one.text)}"` : exact(one)
  const pair = (field: Field): string => `"${escapeJson(field.name)}":${value(field.value)}`
  const own = (field: OwnField): string =>
    isGroup(field.value)
      ? `"${escapeJson(field.name)}":{${field.value.map(pair).join(',')}}`
      : pair({ name: field.name, value: field.value })
  const head = poolFields(status).map(pair).join(',')
  const beside = `"wasm-fpm":{${ownFields(status).map(own).join(',')}}`
  if (!isFull) return `{${head},${beside}}`
  const instances = status.processes.map(
    (instance) => `{${instanceFields(instance, status.nowEpochMs).map(pair).join(',')}}`,
  )
  return `{${head},${beside}, "processes":[${instances.join(',')}]}`
}

const HTML_HEAD =
  '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">\n' +
  '<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">\n' +
  '<head><title>PHP-FPM Status Page</title></head>\n' +
  '<body>\n'

/** Only for its fields' names. */
const NO_INSTANCE = {
  pid: 0,
  state: 'Idle',
  startEpochMs: 0,
  requests: 0,
  requestDurationMs: 0,
  requestMethod: '',
  requestUri: '',
  contentLength: 0,
  user: '',
  script: '',
  lastRequestCpuPercent: 0,
  lastRequestMemoryBytes: 0,
} as const

/** Groups as one field each, for forms that have no nesting. */
function flatOwnFields(status: PoolStatus): readonly Field[] {
  return ownFields(status).flatMap(({ name, value }): readonly Field[] =>
    isGroup(value)
      ? value.map((field) => ({ name: `${name} ${field.name}`, value: field.value }))
      : [{ name, value }],
  )
}

function isGroup(value: OwnField['value']): value is readonly Field[] {
  return Array.isArray(value)
}

function readable(value: FieldValue): string {
  return value.kind === 'time' ? strftime(TIME_FORMAT, value.epochMs) : exact(value)
}

function exact(value: FieldValue): string {
  switch (value.kind) {
    case 'text':
      return value.text
    case 'number':
      return value.digits
    case 'time':
      return String(Math.floor(value.epochMs / 1000))
  }
}

function xmlName(name: string): string {
  return name.replaceAll(' ', '-')
}
