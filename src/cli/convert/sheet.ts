/** What one section of php-fpm's configuration becomes, collected key by key. */
import { basename } from 'node:path'
import { type Directive, printDirective } from './directive.ts'
import type { Target } from './directive-rules.ts'
import { looksSecret } from './looks-secret.ts'
import { printToml, type TomlValue } from './toml-value.ts'

interface Entry {
  readonly value: TomlValue
  readonly note?: string
}

export class Sheet {
  /** What is not the same here. */
  readonly notes: string[] = []
  hasSecretSettings = false
  readonly #entries = new Map<Target, Map<string, Entry>>()
  readonly #remarks = new Map<Target, string[]>()
  readonly #dropped: string[] = []
  readonly #secrets = new Map<string, string>()

  /** A later value of the same key wins, as in php-fpm. */
  set(target: Target, key: string, entry: Entry): void {
    const table = this.#entries.get(target) ?? new Map<string, Entry>()
    this.#entries.set(target, table.set(key, entry))
    if (entry.note?.startsWith('was') || entry.note?.startsWith('DANGER'))
      this.notes.push(`${key}: ${entry.note}`)
  }

  get(target: Target, key: string): TomlValue | undefined {
    return this.#entries.get(target)?.get(key)?.value
  }

  /** Adds to a list of the tenant's. */
  append(key: string, item: string): void {
    const before = this.get('tenant', key)
    this.set('tenant', key, { value: Array.isArray(before) ? [...before, item] : [item] })
  }

  /** Variables that are no part of the text: they go to a file that nobody else can read. */
  get secrets(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#secrets)
  }

  setSecret(name: string, value: string): void {
    this.#secrets.set(name, value)
  }

  setEnv(name: string, value: string): void {
    this.#secrets.delete(name)
    this.set('tenant', 'env', { value: { ...this.#env, [name]: value } })
  }

  /** Adds a setting to a variable that has a line for each, as PHP_VALUE. */
  addSetting(variable: 'PHP_VALUE' | 'PHP_ADMIN_VALUE', name: string, value: string): void {
    if (looksSecret(name, value)) {
      this.hasSecretSettings = true
      this.notes.push(
        `${name}: looks like a secret, and is in ${variable}: let nobody else read the configuration`,
      )
    }
    const setting = `${name}=${value}`
    const before = this.#env[variable]
    this.setEnv(variable, before === undefined ? setting : `${before}\n${setting}`)
  }

  get #env(): Readonly<Record<string, string>> {
    const value = this.get('tenant', 'env')
    return isTable(value) ? value : {}
  }

  /** Adds a comment to a table. */
  remark(target: Target, line: string): void {
    this.#remarks.set(target, [...(this.#remarks.get(target) ?? []), line])
  }

  /** Keeps a directive as a comment, a secret without its value. */
  drop(directive: Directive, why: string): void {
    const { name, index, value } = directive
    const isSecret = !value.startsWith('$') && looksSecret(index ?? name, value)
    const text = printDirective(isSecret ? { ...directive, value: '(not shown)' } : directive)
    const place = `${basename(directive.file)}:${directive.line}`
    this.#dropped.push(`# ${text} -- ${why} (${place})`)
    this.notes.push(`${place}: ${text}: ${why}`)
  }

  /** The keys of a table, each on a line. */
  lines(target: Target): string[] {
    const entries = [...(this.#entries.get(target) ?? [])].map(([key, { value, note }]) => {
      const comment = note === undefined ? '' : ` # ${note}`
      return `${key} = ${printToml(value)}${comment}`
    })
    return [...entries, ...(this.#remarks.get(target) ?? [])]
  }

  /** A table under its header, nothing when it is empty. */
  table(header: string, target: Target): string[] {
    const lines = this.lines(target)
    return lines.length === 0 ? [] : ['', header, ...lines]
  }

  /** The directives that have no meaning here. */
  comments(): string[] {
    return this.#dropped.length === 0 ? [] : ['', '# No meaning here:', ...this.#dropped]
  }
}

function isTable(value: TomlValue | undefined): value is { readonly [name: string]: string } {
  return typeof value === 'object' && !Array.isArray(value)
}
