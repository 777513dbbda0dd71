/** Certificates of 3 to 3,000 nodes in handshakes of Java and OpenSSL, which verify each name as drivers do. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer, type Server } from 'node:tls'
import { promisify } from 'node:util'
import { parseAuthority } from '../../../src/lib/certificates/certificate-authority.ts'
import { operatorName } from '../../../src/lib/certificates/certificate-names.ts'
import { planCertificate, type PlanInput } from '../../../src/lib/certificates/certificate-plan.ts'
import { issueLeaf } from '../../../src/lib/certificates/issue.ts'
import { certificateMessageBytes, LARGEST_MESSAGE_BYTES } from '../../../src/lib/certificates/message-size.ts'
import { CassSniError } from '../../../src/lib/errors.ts'
import { makeAuthority } from '../../support/operator-certificates.ts'
import { datacenter, node } from './datacenter.ts'

const run = promisify(execFile)

/** A client with host name verification on, as the DataStax Java driver has: prints a line for each name. */
const JAVA_CLIENT = `
import java.io.*; import java.nio.file.*; import java.security.*; import java.security.cert.*;
import java.util.*; import javax.net.ssl.*;
public class Client {
  public static void main(String[] args) throws Exception {
    KeyStore trusted = KeyStore.getInstance("PKCS12");
    trusted.load(null, null);
    trusted.setCertificateEntry("ca", CertificateFactory.getInstance("X.509")
      .generateCertificate(new ByteArrayInputStream(Files.readAllBytes(Path.of(args[0])))));
    TrustManagerFactory managers = TrustManagerFactory.getInstance("PKIX");
    managers.init(trusted);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, managers.getTrustManagers(), null);
    for (int i = 1; i < args.length; i += 2) {
      try (SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(
          new java.net.Socket("127.0.0.1", Integer.parseInt(args[i])), args[i + 1], Integer.parseInt(args[i]), true)) {
        SSLParameters parameters = socket.getSSLParameters();
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        parameters.setServerNames(List.of(new SNIHostName(args[i + 1])));
        socket.setSSLParameters(parameters);
        socket.startHandshake();
        System.out.println("accepted " + args[i + 1]);
      } catch (SSLException failure) {
        System.out.println("rejected " + args[i + 1] + ": " + failure.getMessage());
      }
    }
  }
}
`

describe('the certificate of a datacenter, in handshakes', function () {
  this.timeout(120_000)
  const made = makeAuthority()
  const authority = parseAuthority(made.pem, made.keyPem, { object: 'x', secret: 'x', namespace: 'z', datacenter: 'd' })
  const of = (size: number) =>
    datacenter({
      nodes: Array.from({ length: size }, (_, ordinal) =>
        node(ordinal, { hostId: `00000000-0000-4000-8000-${String(ordinal).padStart(12, '0')}` }),
      ),
    })
  const PUBLIC = 'cassandra.example.com'
  const OTHER = 'other.example.org'

  interface Case {
    dc: ReturnType<typeof of>
    names: string[]
    requested: NonNullable<PlanInput['requested']>
    server: Server
    port: number
  }
  const cases = new Map<number, Case>()
  let folder: string

  async function serve(size: number, requested: Case['requested'] = {}): Promise<Case> {
    const dc = of(size)
    const { names } = planCertificate({
      dc,
      authorities: [authority.path],
      current: undefined,
      saved: { publicNames: [PUBLIC] },
      requested,
      renew: false,
      now: Date.now(),
    })
    const leaf = await issueLeaf({ authority, commonName: operatorName(dc), names, now: Date.now(), randomBytes })
    const bytes = certificateMessageBytes([leaf.certificate.der.length, authority.path[0].der.length])
    assert.ok(bytes <= LARGEST_MESSAGE_BYTES, `${size} nodes: ${bytes}`)
    const server = createServer({
      key: leaf.key.export({ type: 'pkcs8', format: 'pem' }),
      cert: leaf.certificate.x509.toString() + made.pem,
    })
    server.on('tlsClientError', () => undefined)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return { dc, names, requested, server, port: (server.address() as AddressInfo).port }
  }

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cass-sni-handshakes-'))
    writeFileSync(join(folder, 'ca.pem'), made.pem)
    writeFileSync(join(folder, 'Client.java'), JAVA_CLIENT)
    for (const size of [3, 200, 680]) cases.set(size, await serve(size))
    for (const size of [700, 3000]) cases.set(size, await serve(size, { names: 'public' }))
  })
  after(() => {
    for (const { server } of cases.values()) server.close()
    rmSync(folder, { recursive: true, force: true })
  })

  /** The names to try, and whether the certificate must be valid for them. */
  function* expectations(): Generator<{ size: number; port: number; name: string; valid: boolean }> {
    for (const [size, { dc, port, requested }] of cases) {
      const [first, last] = [dc.nodes[0], dc.nodes.at(-1)]
      for (const each of [first, last]) {
        yield { size, port, name: each?.dnsName ?? '', valid: true }
        yield { size, port, name: each?.hostId ?? '', valid: requested.names !== 'public' }
      }
      yield { size, port, name: PUBLIC, valid: true }
      yield { size, port, name: OTHER, valid: false }
    }
  }

  it('is verified by Java by host ID, DNS name and public name at every size, and by no other name', async () => {
    const expected = [...expectations()]
    const { stdout } = await run('java', [
      '-Duser.language=en',
      join(folder, 'Client.java'),
      join(folder, 'ca.pem'),
      ...expected.flatMap(({ port, name }) => [String(port), name]),
    ])
    const lines = stdout.trim().split('\n')
    for (const [index, { size, name, valid }] of expected.entries())
      assert.match(lines[index] ?? '', new RegExp(`^${valid ? 'accepted' : 'rejected'} ${name}`), `${size} nodes`)
  })

  it('is verified by OpenSSL likewise', async () => {
    for (const { size, port, name, valid } of expectations()) {
      const running = run('openssl', [
        's_client',
        ...['-connect', `127.0.0.1:${port}`, '-servername', name, '-verify_hostname', name],
        ...['-CAfile', join(folder, 'ca.pem'), '-verify_return_error', '-brief'],
      ])
      running.child.stdin?.end()
      const output = await running.then(
        ({ stdout, stderr }) => stdout + stderr,
        (error: { stdout: string; stderr: string }) => error.stdout + error.stderr,
      )
      assert.match(output, valid ? /Verification: OK/ : /[Hh]ostname mismatch/, `${size} nodes, ${name}`)
    }
  })

  it('is refused for more host IDs than Java accepts, unless names are public', async () => {
    await assert.rejects(serve(3000), (error: unknown) => error instanceof CassSniError && error.code === 'CSNI405')
  })
})
