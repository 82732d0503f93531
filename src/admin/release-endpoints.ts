/** What changes what answers a tenant's requests: publishing, and taking back. */
import { z } from 'zod'
import { findRelease } from '../store/find-release.ts'
import type { Switched } from '../store/release-store.ts'
import { type AdminContext, tenantOf } from './context.ts'
import type { Answer, AuditNotes, Endpoint } from './endpoint.ts'
import { PUBLISH_QUERY, publishUpload, UPLOAD_TYPES } from './publish-upload.ts'
import {
  promoteBody,
  publishedSchema,
  publishLineSchema,
  rollbackBody,
  signatureBody,
  signedSchema,
  storedSchema,
  switchBody,
  switchedSchema,
  withdrawnSchema,
} from './schemas.ts'
import { takeSignature } from './take-signature.ts'

const JSON_TYPE = ['application/json']

export function releaseEndpoints(context: AdminContext): readonly Endpoint[] {
  const { store } = context
  return [
    {
      id: 'publish',
      method: 'POST',
      path: '/v1/tenants/{tenant}/releases',
      reach: 'tenant',
      scope: 'publish',
      summary:
        'Verifies a module or a folder, stores it as a release, and makes it live (unless switch=false).',
      query: PUBLISH_QUERY,
      request: { types: UPLOAD_TYPES, schema: undefined },
      response: {
        status: 201,
        description: 'It is live; with switch=false, it is stored.',
        schema: z.union([publishedSchema, storedSchema]),
      },
      lines: publishLineSchema,
      isChange: true,
      handle: (call) => publishUpload(context, call),
    },
    {
      id: 'putSignature',
      method: 'PUT',
      path: '/v1/tenants/{tenant}/releases/{release}/signatures/{key}',
      reach: 'tenant',
      scope: 'publish',
      summary: "Keeps a signature of a release by one of the tenant's signers.",
      request: { types: JSON_TYPE, schema: signatureBody },
      response: { status: 200, description: 'It is good.', schema: signedSchema },
      isChange: true,
      handle: async (call) => {
        call.notes.key = call.keyId
        const tenant = tenantOf(context, call.tenant)
        const entry = await find(context, tenant.name, call.release)
        Object.assign(call.notes, { handler: entry.handler, release: entry.release })
        return takeSignature(context, call, { tenant, entry })
      },
    },
    {
      id: 'switch',
      method: 'POST',
      path: '/v1/tenants/{tenant}/releases/{release}/switch',
      reach: 'tenant',
      scope: 'publish',
      summary: 'Makes a release that is stored live, or a canary.',
      request: { types: JSON_TYPE, schema: switchBody },
      response: { status: 200, description: 'What is live now.', schema: switchedSchema },
      isChange: true,
      handle: async ({ tenant, release: wanted, notes, json }) => {
        const { name } = tenantOf(context, tenant)
        const { weight, sticky = false } = await json(switchBody)
        const { handler, release } = await find(context, name, wanted)
        Object.assign(notes, { handler, release })
        const switched =
          weight === undefined
            ? await store.switchTo(name, release)
            : await store.setCanary(name, release, { weight, sticky })
        // A canary is what this was about, and not what stays live beside it.
        notes.previous = switched.previous
        return { status: 200, value: switched }
      },
    },
    {
      id: 'rollback',
      method: 'POST',
      path: '/v1/tenants/{tenant}/rollback',
      reach: 'tenant',
      scope: 'publish',
      summary: 'Makes an earlier release live; of a handler with a canary, gives up that.',
      request: { types: JSON_TYPE, schema: rollbackBody },
      response: { status: 200, description: 'What is live now.', schema: switchedSchema },
      isChange: true,
      handle: async ({ tenant, notes, json }) => {
        const { name } = tenantOf(context, tenant)
        const { handler, release } = await json(rollbackBody)
        notes.handler = handler
        const switched =
          release === undefined
            ? await store.rollBack(name, handler)
            : await store.switchTo(name, (await find(context, name, release, handler)).release)
        return answer(switched, notes)
      },
    },
    {
      id: 'promote',
      method: 'POST',
      path: '/v1/tenants/{tenant}/promote',
      reach: 'tenant',
      scope: 'publish',
      summary: 'Makes a canary live, or gives it another share of the requests.',
      request: { types: JSON_TYPE, schema: promoteBody },
      response: { status: 200, description: 'What is live now.', schema: switchedSchema },
      isChange: true,
      handle: async ({ tenant, notes, json }) => {
        const { name } = tenantOf(context, tenant)
        const { handler, weight } = await json(promoteBody)
        notes.handler = handler
        const switched =
          weight === undefined
            ? await store.promote(name, handler)
            : await store.weighCanary(name, weight, handler)
        return answer(switched, notes)
      },
    },
    {
      id: 'withdraw',
      method: 'DELETE',
      path: '/v1/tenants/{tenant}/handlers/{handler}',
      reach: 'tenant',
      scope: 'publish',
      summary: 'Takes a handler off the air; its releases stay.',
      response: { status: 200, description: 'What was live.', schema: withdrawnSchema },
      isChange: true,
      handle: async ({ tenant, handler, notes }) => {
        const { name } = tenantOf(context, tenant)
        notes.handler = handler
        const { release } = await store.withdraw(name, handler)
        notes.previous = release
        return { status: 200, value: { tenant, handler, release } }
      },
    },
  ]
}

function answer(switched: Switched, notes: AuditNotes): Answer {
  const { handler, release, previous } = switched
  Object.assign(notes, { handler, release, previous })
  return { status: 200, value: switched }
}

function find({ store }: AdminContext, tenant: string, wanted: string | number, handler?: string) {
  return findRelease(store, String(wanted), { tenant, handler, doing: 'find release' })
}
