/** From the text of configuration files to a `Config`: reads no file, looks nothing up. */
import { dirname } from 'node:path'
import { parse, TomlError } from 'smol-toml'
import type { z } from 'zod'
import { buildGlobals, buildPool, buildRuntime, buildTenant, usualModule } from './build.ts'
import type { Config, PoolConfig, RuntimeConfig, TenantConfig } from './config.ts'
import { ConfigError, type ConfigProblem } from './errors.ts'
import { KeyLines } from './key-lines.ts'
import { machineCores, machineMemoryBytes } from './machine.ts'
import { checkOutbound } from './outbound-tables.ts'
import { type ConfigDocument, problemAt, problemsOf } from './problems.ts'
import {
  checkAdmin,
  checkDoor,
  checkPool,
  checkTenant,
  type Report,
  type SeenNames,
} from './rules.ts'
import { checkRuntime, checkTenantRuntimes } from './runtime-rules.ts'
import { includedSchema, mainSchema } from './schema.ts'
import { SharedParts } from './shared-parts.ts'

/** Reads one file's TOML. `file`: its absolute path, for messages and relative paths. Throws CONFIG_SYNTAX. */
export function parseDocument(text: string, file: string): ConfigDocument {
  try {
    const content = parse(text, { unsafeKeyBehaviour: 'throw' })
    return { file, content, lines: new KeyLines(text) }
  } catch (error) {
    const line = error instanceof TomlError ? error.line : undefined
    const column = error instanceof TomlError ? `, column ${error.column}` : ''
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
    const message = `is not TOML${column}: ${reason.replace(/^Invalid TOML document: /, '')}`
    throw new ConfigError([{ code: 'CONFIG_SYNTAX', file, line, key: '', message }], error)
  }
}

/** Checks a single file. Its `include` is checked but not followed: `loadConfig` does. Throws `ConfigError`. */
export function parseConfig(text: string, file: string): Config {
  return buildConfig(parseDocument(text, file), [])
}

/**
 * Joins the main file and those it includes, in order. Throws one `ConfigError` with everything that is wrong, in all
 * of them. The result is frozen.
 */
export function buildConfig(main: ConfigDocument, included: readonly ConfigDocument[]): Config {
  const problems: ConfigProblem[] = []
  const mainTables = check(main, mainSchema, problems)
  const files = [
    { document: main, tables: mainTables },
    ...included.map((document) => ({
      document,
      tables: check(document, includedSchema, problems),
    })),
  ]
  if (mainTables === undefined || problems.length > 0) throw new ConfigError(problems)

  const names: SeenNames = {
    pools: new Map(),
    addresses: new Map(),
    runtimes: new Map(),
    tenants: new Map(),
    hosts: new Map(),
  }
  const reportFor =
    (document: ConfigDocument, table: string, index: number): Report =>
    (path, code, message) =>
      problems.push(problemAt(document, [table, index, ...path], { code, message }))

  const cores = machineCores()
  const pools: PoolConfig[] = []
  for (const { document, tables } of files) {
    for (const [index, table] of tables?.pool.entries() ?? []) {
      const pool = buildPool(table, dirname(document.file), cores)
      checkPool(pool, names, reportFor(document, 'pool', index))
      pools.push(pool)
    }
  }
  const runtimes: RuntimeConfig[] = []
  const usual = usualModule(mainTables, dirname(main.file))
  for (const { document, tables } of files) {
    for (const [index, table] of tables?.runtime.entries() ?? []) {
      const runtime = buildRuntime(table, dirname(document.file), usual)
      checkRuntime(runtime, names.runtimes, reportFor(document, 'runtime', index))
      runtimes.push(runtime)
    }
  }
  const poolNames = pools.map(({ name }) => name)
  const onlyPool = poolNames.length === 1 ? (poolNames[0] ?? '') : ''
  const tenants: TenantConfig[] = []
  const parts = new SharedParts()
  for (const { document, tables } of files) {
    for (const [index, table] of tables?.tenant.entries() ?? []) {
      const tenant = buildTenant(table, dirname(document.file), onlyPool)
      const report = reportFor(document, 'tenant', index)
      checkTenant(tenant, poolNames, { seen: names, report })
      checkTenantRuntimes(tenant, runtimes, report)
      checkOutbound(table.outbound, report)
      tenants.push(parts.share(tenant))
    }
  }
  const globals = buildGlobals(mainTables, dirname(main.file), machineMemoryBytes())
  if (globals.admin !== undefined) {
    const report: Report = (path, code, message) =>
      problems.push(problemAt(main, ['admin', ...path], { code, message }))
    checkAdmin(globals.admin, names, report)
  }
  for (const table of ['agent', 'metrics'] as const) {
    const door = globals[table]
    const report: Report = (path, code, message) =>
      problems.push(problemAt(main, [table, ...path], { code, message }))
    if (door !== undefined) checkDoor(door, { owner: `[${table}]`, seen: names, report })
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return frozen({ ...globals, pools, runtimes, tenants })
}

function check<Schema extends z.ZodType>(
  document: ConfigDocument,
  schema: Schema,
  problems: ConfigProblem[],
): z.infer<Schema> | undefined {
  const result = schema.safeParse(document.content)
  if (result.success) return result.data
  for (const issue of result.error.issues) problems.push(...problemsOf(issue, document, schema))
  return undefined
}

/** Freezes plain data all the way down. */
function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const child of Object.values(value)) frozen(child)
  return Object.freeze(value)
}
