/** What only operators do: reload, tokens, tenants. */
import { addTenant, removeTenant } from '../config/tenant-files.ts'
import { mintToken, type TokenRecord } from './bearer-token.ts'
import { type AdminContext, tenantOf } from './context.ts'
import type { Call, Endpoint } from './endpoint.ts'
import { AdminError } from './errors.ts'
import {
  changedTenantSchema,
  newTenantBody,
  newTokenBody,
  newTokenSchema,
  reloadedSchema,
  removedTenantSchema,
  tokenSchema,
  tokensSchema,
} from './schemas.ts'

const JSON_TYPE = ['application/json']

export function operatorEndpoints(context: AdminContext): readonly Endpoint[] {
  const { master, tokens } = context
  return [
    {
      id: 'reload',
      method: 'POST',
      path: '/v1/reload',
      reach: 'operator',
      scope: 'operate',
      summary: 'Has the server take up its changed configuration; a wrong one changes nothing.',
      response: { status: 200, description: 'It is in use.', schema: reloadedSchema },
      isChange: true,
      handle: async () => ({ status: 200, value: { message: await master.reload() } }),
    },
    {
      id: 'listTokens',
      method: 'GET',
      path: '/v1/tokens',
      reach: 'operator',
      scope: 'operate',
      summary: 'All tokens, without their secrets.',
      response: { status: 200, description: 'Oldest first.', schema: tokensSchema },
      isChange: false,
      handle: async () => ({
        status: 200,
        value: { tokens: (await tokens.list()).map(withoutHash) },
      }),
    },
    {
      id: 'createToken',
      method: 'POST',
      path: '/v1/tokens',
      reach: 'operator',
      scope: 'operate',
      summary: 'Makes a token; one that can do no more than the one that asks.',
      request: { types: JSON_TYPE, schema: newTokenBody },
      response: { status: 201, description: 'The only time it is shown.', schema: newTokenSchema },
      isChange: true,
      handle: async (call) => {
        const { token, record } = await newToken(context, call)
        call.notes.token = record.id
        await tokens.add(record)
        return { status: 201, value: { ...withoutHash(record), token } }
      },
    },
    {
      id: 'revokeToken',
      method: 'DELETE',
      path: '/v1/tokens/{token}',
      reach: 'operator',
      scope: 'operate',
      summary: 'Revokes a token: from the next request on it is refused.',
      response: { status: 200, description: 'The token that was.', schema: tokenSchema },
      isChange: true,
      handle: async ({ tokenId, notes }) => {
        notes.token = tokenId
        return { status: 200, value: withoutHash(await tokens.remove(tokenId)) }
      },
    },
    {
      id: 'addTenant',
      method: 'PUT',
      path: '/v1/tenants/{tenant}',
      reach: 'operator',
      scope: 'operate',
      summary: 'Writes a file for a new tenant into the configuration, and reloads.',
      request: { types: JSON_TYPE, schema: newTenantBody },
      response: { status: 201, description: 'It is served.', schema: changedTenantSchema },
      isChange: true,
      handle: async ({ tenant, json }) => {
        const { configFile } = context.settings()
        const { hosts, pool } = await json(newTenantBody)
        // No document root: which folders of this machine guests are made of is not for the network to say.
        addTenant(configFile, { name: tenant, hosts, pool })
        try {
          return { status: 201, value: { tenant, message: await master.reload() } }
        } catch (error) {
          removeTenant(configFile, tenant)
          throw error
        }
      },
    },
    {
      id: 'removeTenant',
      method: 'DELETE',
      path: '/v1/tenants/{tenant}',
      reach: 'operator',
      scope: 'operate',
      summary:
        "Removes a tenant's own file from the configuration, reloads, and revokes its tokens.",
      response: { status: 200, description: 'Gone.', schema: removedTenantSchema },
      isChange: true,
      handle: async ({ tenant }) => {
        const { name } = tenantOf(context, tenant)
        removeTenant(context.settings().configFile, name)
        let message: string
        let revokedTokens: number
        try {
          message = await master.reload()
        } finally {
          // The next tenant of this name is somebody else.
          revokedTokens = await tokens.removeOf(name)
        }
        return { status: 200, value: { tenant, message, revokedTokens } }
      },
    },
  ]
}

function withoutHash({ hash: _, ...rest }: TokenRecord): Omit<TokenRecord, 'hash'> {
  return rest
}

async function newToken(
  context: AdminContext,
  { json, principal }: Call,
): Promise<ReturnType<typeof mintToken>> {
  const asked = await json(newTokenBody)
  const { tenant, operator = false, scopes, name = '', expiresInSeconds } = asked
  if ((tenant === undefined) !== operator) {
    throw refused('ADMIN_BAD_REQUEST', 'it has "tenant" and "operator" or neither', 'one of them')
  }
  if (tenant !== undefined) {
    tenantOf(context, tenant)
    if (scopes.includes('operate')) {
      throw refused('ADMIN_BAD_REQUEST', `"operate" for a tenant`, 'it for operators only')
    }
  }
  const more = scopes.filter((scope) => !principal.scopes.has(scope))
  if (more.length > 0) {
    throw refused('ADMIN_FORBIDDEN', `you have not ${more.join(', ')}`, 'scopes of your own')
  }
  return mintToken({
    name,
    tenant,
    scopes,
    nowMs: Number(context.clock.realtimeNs() / 1_000_000n),
    lifeMs: expiresInSeconds === undefined ? undefined : expiresInSeconds * 1000,
  })
}

function refused(
  code: 'ADMIN_BAD_REQUEST' | 'ADMIN_FORBIDDEN',
  problem: string,
  wanted: string,
): AdminError {
  return new AdminError(code, `Cannot make such a token: ${problem}, wanted ${wanted}`)
}
