/** Whether the application of a tenant is where its runtime looks for it. */
import type { RuntimeConfig, TenantConfig } from '../../config/config.ts'
import { missingApp } from '../../config/find-app.ts'
import { type Check, fail, ok } from './check-result.ts'

export function checkApp(
  tenant: TenantConfig,
  runtimes: readonly RuntimeConfig[],
): readonly Check[] {
  if (tenant.app === undefined) return []
  const subject = `tenant "${tenant.name}"`
  const missing = missingApp(tenant, runtimes)
  if (missing === undefined) return [ok(subject, 'app', tenant.app)]
  return [fail(subject, 'app', [missing.actual, `name ${missing.wanted}`])]
}
