/** Names, URIs and messages are strangers' words: none of them is to move the cursor. */
export function harmless(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is replaced
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, '?')
}
