/** Names, URIs and messages are strangers' words: none of them is to move the cursor. */
export function harmless(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is replaced
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, '?')
}

/** The same of a text whose lines and columns are wanted. */
export function harmlessLines(text: string): string {
  return text.replace(/[^\n\t]+/g, harmless)
}

/** The same of JSON, which says what it did: of control characters it has those left only that other standards than its own have. */
export function harmlessJson(json: string): string {
  return json.replace(/[\x7f-\x9f]/g, (one) => `\\u00${one.charCodeAt(0).toString(16)}`)
}
