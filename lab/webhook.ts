import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Authority } from './pki.ts'

/** The Service of cass-operator's webhook, as the API server calls it (lab/manifests/operator). */
const service = 'cass-operator-webhook-service.cass-operator.svc'

/**
 * Writes what the operator's kustomization takes in from `webhook/` beside it: the certificate that the webhook shows, and
 * the authority that the API server trusts. cert-manager would do both on other clusters
 * (k8ssandra/cass-operator config/certmanager, config/deployments/default).
 */
export async function writeWebhookIdentity(authority: Authority, operator: string): Promise<void> {
  const folder = join(operator, 'webhook')
  await mkdir(folder, { recursive: true })
  const name = 'cass-operator-webhook'
  await authority.issue(name, { user: name }, [service])
  const issued = (file: string) => readFile(join(authority.folder, file))
  await writeFile(join(folder, 'tls.crt'), await issued(`${name}.crt`))
  await writeFile(join(folder, 'tls.key'), await issued(`${name}.key`), { mode: 0o600 })
  const trusted = (await issued('ca.crt')).toString('base64')
  await writeFile(
    join(folder, 'authority.yaml'),
    `- {op: add, path: /webhooks/0/clientConfig/caBundle, value: ${trusted}}\n`,
  )
}
