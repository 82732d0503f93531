/**
 * A signature that comes over the network: kept when it is one of this release for this tenant, by one of the tenant's
 * signers. Of a tenant that demands none yet, so many are kept of each release: they are made before `signers` is set.
 */
import type { TenantConfig } from '../config/config.ts'
import { canonicalJson } from '../store/canonical-json.ts'
import { StoreError, storeLimitError } from '../store/errors.ts'
import { readSigners } from '../store/public-key.ts'
import type { PublishedRelease } from '../store/release-store.ts'
import {
  decodeSignature,
  isSignedBy,
  MAX_SIGNATURE_FILE_BYTES,
  type Signature,
} from '../store/signature.ts'
import type { AdminContext } from './context.ts'
import type { Answer, Call } from './endpoint.ts'
import { AdminError } from './errors.ts'
import { signatureBody } from './schemas.ts'

/**
 * Rejects with STORE_BAD_SIGNATURE, STORE_LIMIT_EXCEEDED, ADMIN_BAD_REQUEST, and what reading the body can run into.
 */
export async function takeSignature(
  context: AdminContext,
  call: Call,
  { tenant, entry }: { readonly tenant: TenantConfig; readonly entry: PublishedRelease },
): Promise<Answer> {
  const { store } = context
  const { release, number, handler } = entry
  const body = await call.json(signatureBody, MAX_SIGNATURE_FILE_BYTES)
  const signature = decodeSignature(Buffer.from(canonicalJson(body)), 'the body')
  const { text: key, id: keyId } = signature.publicKey
  if (keyId !== call.keyId) {
    throw new AdminError(
      'ADMIN_BAD_REQUEST',
      `Cannot take the signature: its key is ${keyId} and the path's ${call.keyId}, wanted the same`,
    )
  }
  const signed = { tenant: tenant.name, release }
  if (!isSignedBy(signature.publicKey, signature, signed)) {
    throw bad(tenant, 'it is of something else', `one of release ${release} by ${key}`)
  }
  await refuseStranger(context, tenant, { signature, entry })
  await store.putSignature(tenant.name, release, signature)
  return { status: 200, value: { tenant: tenant.name, handler, release, number, key, keyId } }
}

interface Offer {
  readonly signature: Signature
  readonly entry: PublishedRelease
}

async function refuseStranger(
  { store, limits }: AdminContext,
  tenant: TenantConfig,
  { signature: { publicKey }, entry: { release } }: Offer,
): Promise<void> {
  const signers = await readSigners(tenant.signers)
  if (signers.some(({ text }) => text === publicKey.text)) return
  if (signers.length > 0) {
    const wanted = signers.map(({ text }) => text).join(', ')
    throw bad(tenant, `${publicKey.text} is none of its signers`, `one of ${wanted}`)
  }
  const others = (await store.signatures(tenant.name)).filter(
    (one) => one.release === release && one.keyId !== publicKey.id,
  )
  if (others.length < limits.signatures) return
  throw storeLimitError(`sign release ${release} of ${tenant.name}`, {
    limit: 'signatures',
    actual: others.length + 1,
    wanted: limits.signatures,
  })
}

function bad({ name }: TenantConfig, problem: string, wanted: string): StoreError {
  return new StoreError(
    'STORE_BAD_SIGNATURE',
    `Cannot take the signature for tenant ${name}: ${problem}, wanted ${wanted}`,
    { details: { tenant: name } },
  )
}
