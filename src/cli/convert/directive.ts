/** One line of a php-fpm configuration that says something. */
export interface Directive {
  /** `global` or the name of a pool. */
  readonly section: string
  /** Such as `pm.max_children`, `env` or `php_admin_value`. */
  readonly name: string
  /** What stands in brackets (`env[X]`); empty for `[]`, undefined without. */
  readonly index: string | undefined
  readonly value: string
  readonly file: string
  /** From 1. */
  readonly line: number
}

/** The directive as one would write it, on one line. */
export function printDirective({ name, index, value }: Directive): string {
  const text = `${name}${index === undefined ? '' : `[${index}]`} = ${value}`
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a comment ends with its line
  return text.replace(/[\x00-\x1f\x7f]/g, ' ')
}
