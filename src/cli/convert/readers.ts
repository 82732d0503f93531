/** What php-fpm's values mean, and how our configuration says the same. */
import { resolve } from 'node:path'
import { parseAccessFormat } from '../../config/access-format.ts'
import type { TomlValue } from './toml-value.ts'

/** Where relative paths start. */
export interface ReadContext {
  readonly prefix: string
}

export type ReadResult =
  /** `note`: what is different all the same. */
  | { readonly value: TomlValue; readonly note?: string }
  /** Has no meaning here, or not with this value. */
  | { readonly why: string }

export type Reader = (raw: string, context: ReadContext) => ReadResult

export const text: Reader = (raw) => ({ value: raw })

export const path: Reader = (raw, { prefix }) => ({ value: resolve(prefix, raw) })

export const integer: Reader = (raw) =>
  /^-?[0-9]{1,15}$/.test(raw) ? { value: Number(raw) } : { why: 'is not a whole number' }

/** Numbers without unit are seconds. */
export const duration: Reader = (raw) => {
  const [, amount, unit] = /^([0-9]{1,9})([smhd]?)$/i.exec(raw) ?? []
  if (amount === undefined) return { why: 'is not a duration' }
  return { value: Number(amount) === 0 ? '0' : `${Number(amount)}${unit?.toLowerCase() || 's'}` }
}

/** A duration in which php-fpm's 0 is "for ever", which we do not have. */
export const limitedDuration: Reader = (raw, context) => {
  const result = duration(raw, context)
  return 'value' in result && result.value === '0'
    ? { why: 'means no limit, which there is not here: our default stays' }
    : result
}

export function readFlag(raw: string): boolean | undefined {
  if (/^(?:1|yes|on|true)$/i.test(raw)) return true
  return /^(?:0|no|off|false|none|)$/i.test(raw) ? false : undefined
}

export const flag: Reader = (raw) => {
  const value = readFlag(raw)
  return value === undefined ? { why: 'is neither yes nor no' } : { value }
}

/** Sizes as php.ini has them: 128M. */
export const size: Reader = (raw) => {
  const [, amount, unit] = /^([0-9]{1,15})([kmg]?)b?$/i.exec(raw) ?? []
  if (amount === undefined) return { why: 'is not a size, or means no limit: our default stays' }
  if (Number(amount) === 0)
    return { why: 'means no limit, which there is not here: our default stays' }
  return { value: unit === '' ? Number(amount) : `${Number(amount)}${unit?.toUpperCase()}` }
}

export const commaList: Reader = (raw) => ({
  value: raw.split(/[,\s]+/).filter((item) => item !== '' && item !== 'any'),
})

export const listenAddress: Reader = (raw, { prefix }) => {
  const isSocket = raw.includes('/') || !/[:0-9]/.test(raw)
  return { value: [isSocket ? resolve(prefix, raw) : raw] }
}

export const listenMode: Reader = (raw) => {
  if (!/^0?[0-7]{3}$/.test(raw)) return { why: 'is not an octal mode' }
  const bits = Number.parseInt(raw, 8)
  if ((bits & 0o002) === 0) return { value: raw.padStart(4, '0') }
  const safe = (bits & ~0o007).toString(8).padStart(4, '0')
  return { value: safe, note: `was ${raw}: sockets that everybody may write to are refused` }
}

export const backlog: Reader = (raw) =>
  /^-/.test(raw)
    ? { value: 65_535, note: 'was -1: as many as the kernel allows' }
    : integer(raw, { prefix: '/' })

export const logFile: Reader = (raw, context) =>
  raw === 'syslog'
    ? { why: 'there is no syslog here: standard error goes to the journal under systemd' }
    : path(raw, context)

export const accessFormat: Reader = (raw) =>
  parseAccessFormat(raw) === undefined
    ? { why: 'has a token that neither php-fpm nor wasm-fpm knows' }
    : { value: raw }
