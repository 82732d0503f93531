/** Values as TOML has them. */

export type TomlValue =
  | string
  | number
  | boolean
  | readonly string[]
  | { readonly [name: string]: string }

export function printToml(value: TomlValue): string {
  if (typeof value === 'string') return printText(value)
  if (isList(value)) return `[${value.map(printText).join(', ')}]`
  if (typeof value !== 'object') return String(value)
  const entries = Object.entries(value).map(
    ([name, text]) => `${printName(name)} = ${printText(text)}`,
  )
  return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`
}

function isList(value: TomlValue): value is readonly string[] {
  return Array.isArray(value)
}

function printName(name: string): string {
  return /^[A-Za-z0-9_-]+$/.test(name) ? name : printText(name)
}

/** JSON's strings are TOML's, but for DEL, which TOML wants escaped. */
function printText(text: string): string {
  return JSON.stringify(text).replaceAll('\x7f', '\\u007f')
}
