import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Authority } from './pki.ts'

/** DNS name of the Service of cass-operator's webhook (lab/manifests/operator). */
const service = 'cass-operator-webhook-service.cass-operator.svc'

/**
 * Writes `webhook/` for the operator's kustomization: the certificate of the webhook, and the CA that the API server
 * trusts. cert-manager does both on other clusters (k8ssandra/cass-operator config/certmanager,
 * config/deployments/default).
 */
export async function writeWebhookIdentity(authority: Authority, operator: string): Promise<void> {
  const directory = join(operator, 'webhook')
  await mkdir(directory, { recursive: true })
  const name = 'cass-operator-webhook'
  await authority.issue(name, { user: name }, [service])
  const issued = (file: string) => readFile(join(authority.directory, file))
  await writeFile(join(directory, 'tls.crt'), await issued(`${name}.crt`))
  await writeFile(join(directory, 'tls.key'), await issued(`${name}.key`), { mode: 0o600 })
  const trusted = (await issued('ca.crt')).toString('base64')
  await writeFile(
    join(directory, 'authority.yaml'),
    `- {op: add, path: /webhooks/0/clientConfig/caBundle, value: ${trusted}}\n`,
  )
}
