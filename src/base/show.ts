/** A value as an operator would recognise it, cut to a reasonable length. Of a table, nothing: there may be secrets in it. */
export function show(value: unknown): string {
  if (Array.isArray(value) && value.some(isTable)) return 'an array of tables'
  if (isTable(value)) return 'a table'
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}

function isTable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
