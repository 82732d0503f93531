/** Control characters made visible. */

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is escaped
const CONTROL = /[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g

/**
 * Writes control characters as `\xHH`, and the line breaks and direction marks of Unicode as `\uHHHH`: nothing is left
 * that could pass for another line, move a terminal's cursor or turn text around.
 */
export function escapeControl(value: string): string {
  return value.replace(CONTROL, (character) => {
    const code = character.charCodeAt(0).toString(16)
    return code.length > 2 ? `\\u${code.padStart(4, '0')}` : `\\x${code.padStart(2, '0')}`
  })
}
