/** Makes values harmless in each form of the status page: URIs, users and methods are the client's own words. */

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is replaced
const NOT_IN_XML = /[\x00-\x1f\x7f-\x9f\ufffe\uffff]/g

/** For HTML and XML, in elements and in attributes with double quotes. XML has no way to write a control character. */
export function escapeMarkup(value: string): string {
  return value
    .replace(/[&<>"]/g, (character) => ENTITIES[character] ?? character)
    .replace(NOT_IN_XML, '\ufffd')
}

/** For a JSON string, in ASCII, `/` escaped, as PHP does: no `</script>` in it, whatever it is pasted into. */
export function escapeJson(value: string): string {
  return JSON.stringify(value)
    .slice(1, -1)
    .replaceAll('/', '\\/')
    .replace(
      /[\x7f-\uffff]/g,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
}

/** For the value of a label and for help texts of OpenMetrics. */
export function escapeLabel(value: string): string {
  return value.replace(/["\\]/g, '\\$&').replace(/\n/g, '\\n')
}
