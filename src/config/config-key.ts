/** A key of the configuration: what may be written, what it means when it is left out, and how to say so. */
import { z } from 'zod'
import { show } from '../base/show.ts'
import { parseDuration, parseSize } from './units.ts'

/** What the reference in docs/config.md says about a key. */
export interface KeyReference {
  readonly type: string
  /** As written in the file; `required`, or a phrase where it depends on something. */
  readonly default: string
}

export interface KeyOptions<T> {
  /** Name of the type in the reference. */
  readonly type: string
  /** Ends the sentence "wanted ...". */
  readonly wanted: string
  /** Answers undefined for a value that is not allowed. */
  readonly read: (value: unknown) => T | undefined
  /** What a message says of a value that is not allowed; default: the value itself. */
  readonly show?: (value: unknown) => string
}

/** A key that may be left out: `standard` then stands in its place, in the form it has in the file. */
export function key<T>(standard: unknown, options: KeyOptions<T>) {
  return reader(options)
    .prefault(standard)
    .meta(reference(options.type, JSON.stringify(standard)))
}

/** A key that must be there. */
export function requiredKey<T>(options: KeyOptions<T>) {
  return reader(options).meta(reference(options.type, 'required'))
}

/** A key that is undefined when left out; `meaning` says what then happens. */
export function optionalKey<T>(meaning: string, options: KeyOptions<T>) {
  return reader(options).optional().meta(reference(options.type, meaning))
}

function reader<T>({ wanted, read, show: shown = show }: KeyOptions<T>) {
  return z.unknown().transform((value, context): T => {
    const result = value === undefined ? undefined : read(value)
    if (result !== undefined) return result
    const actual = value === undefined ? 'is missing' : `is ${shown(value)}`
    context.addIssue({ code: 'custom', message: `${actual}, wanted ${wanted}` })
    return z.NEVER
  })
}

function reference(type: string, standard: string): { reference: KeyReference } {
  return { reference: { type, default: standard } }
}

export const boolean: KeyOptions<boolean> = {
  type: 'boolean',
  wanted: 'true or false',
  read: (value) => (typeof value === 'boolean' ? value : undefined),
}

export function oneOf<const T extends string>(choices: readonly T[]): KeyOptions<T> {
  const wanted = choices.map((choice) => `"${choice}"`).join(', ')
  return {
    type: choices.map((choice) => `\`"${choice}"\``).join(' '),
    wanted: `one of ${wanted}`,
    read: (value) => choices.find((choice) => choice === value),
  }
}

export function text(wanted: string, isAllowed: (text: string) => boolean): KeyOptions<string> {
  return {
    type: 'string',
    wanted,
    read: (value) => (typeof value === 'string' && isAllowed(value) ? value : undefined),
  }
}

export function list<T>(item: KeyOptions<T>, wanted: string): KeyOptions<readonly T[]> {
  return {
    type: `array of ${item.type}`,
    wanted,
    read: (value) => {
      if (!Array.isArray(value)) return undefined
      const items = value.map(item.read)
      return items.every((one) => one !== undefined) ? items : undefined
    },
  }
}

export function integer(least: number, most: number): KeyOptions<number> {
  return {
    type: 'integer',
    wanted: `a whole number from ${least} to ${most}`,
    read: (value) =>
      typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
        ? value
        : undefined,
  }
}

/** `least` and `most` as operators write them. */
export function size(least: string | number, most: string): KeyOptions<number> {
  return {
    type: 'size',
    wanted: `a size such as "64MiB", from ${least} to ${most}`,
    read: (value) => within(parseSize(value), parseSize(least), parseSize(most)),
  }
}

/** `least` and `most` as operators write them. */
export function duration(least: string, most: string): KeyOptions<number> {
  return {
    type: 'duration',
    wanted: `a duration such as "10s", from ${least} to ${most}`,
    read: (value) => within(parseDuration(value), parseDuration(least), parseDuration(most)),
  }
}

function within(value: number | undefined, least = 0, most = 0): number | undefined {
  return value !== undefined && value >= least && value <= most ? value : undefined
}
