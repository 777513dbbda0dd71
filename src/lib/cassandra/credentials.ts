/** Reads the superuser's login. */
import type { Kube } from '../cluster/kube.ts'
import { SECRET } from '../cluster/resources.ts'
import type { Secret } from '../cluster/workloads.ts'
import { CassSniError, command, hint } from '../errors.ts'
import type { Credentials, Datacenter } from './datacenter.ts'

/**
 * Reads user name and password of the datacenter's superuser, unchanged: a password may start or end with whitespace.
 * Throws CSNI304 if the Secret is missing, lacks a key, or cannot be read without more permissions.
 */
export async function readCredentials(kube: Kube, datacenter: Datacenter): Promise<Credentials> {
  const name = datacenter.superuserSecret
  const object = `secret/${name} in namespace ${datacenter.namespace}`
  let secret: Secret | undefined
  try {
    secret = await kube.get<Secret>(SECRET, name, datacenter.namespace)
  } catch (error) {
    if (!(error instanceof CassSniError) || error.code !== 'CSNI203') throw error
    throw new CassSniError('CSNI304', `${object}: no permission to read the superuser's credentials`, {
      object,
      next: [
        hint('log in as another role with --username, and its password in the environment variable CASS_SNI_PASSWORD'),
        hint('specify the CA with --ca if you cannot read its Secret either'),
        ...error.next,
      ],
      cause: error,
    })
  }
  if (secret === undefined) {
    throw new CassSniError(
      'CSNI304',
      `${object} not found: cass-operator creates the superuser's credentials before the first node starts`,
      {
        object,
        next: [command`kubectl get cassandradatacenter ${datacenter.name} -n ${datacenter.namespace}`],
      },
    )
  }
  const [username, password] = ['username', 'password'].map((key) => {
    const value = secret.data?.[key]
    if (value !== undefined && value !== '') return Buffer.from(value, 'base64').toString('utf8')
    throw new CassSniError('CSNI304', `${object}: missing key "${key}"`, {
      object,
      next: [command`kubectl describe secret ${name} -n ${datacenter.namespace}`],
    })
  }) as [string, string]
  return { username, password }
}
