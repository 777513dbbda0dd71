import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { ExecResult, Kube, KubeObject, ResourceType } from '../../../src/lib/cluster/kube.ts'
import { CassSniError } from '../../../src/lib/errors.ts'
import type { WorkflowEvent } from '../../../src/lib/events.ts'
import { rollOut } from '../../../src/lib/workflows/certs/reload.ts'
import type { CertificateSummary, Served } from '../../../src/lib/certificates/gather/served-certificates.ts'
import type { CertsNode } from '../../../src/lib/workflows/certs/certs-options.ts'
import type { WorkflowContext } from '../../../src/lib/workflows/context.ts'
import { datacenter, HOST_IDS, node } from '../certificates/datacenter.ts'

const OLD = served('00:00')
const NEW = served('FF:FF')
const KEYSTORE = Buffer.from('the new keystore')
const TIMINGS = { reloadMs: 300, rereadMs: 5000, unreadableMs: 300 }

function served(fingerprint256: string): { certificate: CertificateSummary } {
  return { certificate: { fingerprint256, names: ['a'], notAfter: '2027-11-23T00:00:00.000Z', issuer: 'CN=ca' } }
}

/** One pod with a keystore file and a nodetool of its own: what is run in its container is really run, here. */
class FakePod {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'cass-sni-live-'))
  readonly keystore = path.join(this.folder, 'node-keystore.jks')
  readonly touches: string[] = []
  readonly events: WorkflowEvent[] = []
  served: Served = OLD
  onTouch: () => void = () => writeFileSync(this.keystore, KEYSTORE)
  onExec: (command: string[]) => ExecResult = (command) => this.run(command)

  constructor(nodetool: string) {
    writeFileSync(this.keystore, 'the old keystore')
    writeFileSync(path.join(this.folder, 'nodetool'), `#!/bin/sh\n${nodetool}\n`)
    chmodSync(path.join(this.folder, 'nodetool'), 0o755)
  }

  run([program = '', ...args]: string[]): ExecResult {
    const { status, stdout, stderr } = spawnSync(program, args, {
      encoding: 'utf8',
      env: { PATH: `${this.folder}:/usr/bin:/bin` },
      cwd: this.folder,
    })
    return { exitCode: status ?? -1, stdout, stderr }
  }

  reloads(): string[] {
    try {
      return readFileSync(path.join(this.folder, 'reloads'), 'utf8').trim().split('\n')
    } catch {
      return []
    }
  }

  context(): WorkflowContext {
    const touched: KubeObject = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'dse-dc1-default-sts-0', namespace: 'default', resourceVersion: '1' },
    }
    const kube: Partial<Kube> = {
      get: async <T extends KubeObject>() => structuredClone(touched) as T,
      list: async <T extends KubeObject>() => [structuredClone(touched)] as T[],
      apply: async (_type: ResourceType, object: KubeObject) => {
        touched.metadata.annotations = { ...object.metadata.annotations }
        this.touches.push(object.metadata.annotations?.['cass-sni/keystore'] ?? '')
        this.onTouch()
        return structuredClone(touched)
      },
      exec: async (_pod, container, command) => {
        assert.equal(container, 'cassandra')
        return this.onExec(command)
      },
    }
    return {
      kube: kube as Kube,
      signal: new AbortController().signal,
      emit: (event) => this.events.push(event),
      dryRun: false,
      now: Date.now,
    }
  }

  async live(before: Served = OLD, timings = TIMINGS): Promise<CertsNode[]> {
    const nodes = await this.bringLive(before, timings)
    assert.ok(nodes !== 'superseded')
    return nodes
  }

  bringLive(before: Served = OLD, timings = TIMINGS, isCurrent = async () => true) {
    return rollOut(this.context(), {
      dc: datacenter(),
      reader: { read: async () => this.served },
      fingerprint256: NEW.certificate.fingerprint256,
      keystore: KEYSTORE,
      keystorePath: this.keystore,
      targets: [{ node: node(0, { hostId: HOST_IDS[0] }), before }],
      timings,
      isCurrent,
    })
  }

  warnings(): string[] {
    return this.events.flatMap((event) => (event.type === 'warning' ? [event.message] : []))
  }
}

describe('rolling out a new keystore to a running node', function () {
  this.timeout(20_000)
  const pods: FakePod[] = []
  const fakePod = (nodetool = 'echo "$@" >>reloads') => {
    const pod = new FakePod(nodetool)
    pods.push(pod)
    return pod
  }
  after(() => {
    for (const pod of pods) rmSync(pod.folder, { recursive: true, force: true })
  })

  it('annotates the pod, waits for the file, reloads the keystore and reads the new certificate', async () => {
    const pod = fakePod()
    pod.onExec = (command) => {
      const result = pod.run(command)
      pod.served = NEW
      return result
    }
    const [result] = await pod.live()
    assert.deepEqual(result, {
      pod: 'dse-dc1-default-sts-0',
      before: OLD.certificate,
      after: NEW.certificate,
      live: true,
    })
    assert.deepEqual(pod.reloads(), ['reloadssl'])
    assert.equal(pod.touches.length, 1)
  })

  it('annotates again if the kubelet mounted the old file once more, and does not reload before', async () => {
    const pod = fakePod()
    let touches = 0
    pod.onTouch = () => {
      touches += 1
      if (touches === 2) writeFileSync(pod.keystore, KEYSTORE)
    }
    pod.onExec = (command) => {
      const result = pod.run(command)
      if (result.exitCode === 0) pod.served = NEW
      return result
    }
    const [result] = await pod.live(OLD, { ...TIMINGS, reloadMs: 30_000 })
    assert.equal(result?.live, true)
    assert.deepEqual(pod.reloads(), ['reloadssl'])
    assert.equal(new Set(pod.touches).size, 2)
    assert.equal(pod.events.filter(({ type }) => type === 'change').length, 1, 'the pod is reported once')
  })

  it("waits for Cassandra's periodic reread where exec is forbidden", async () => {
    const pod = fakePod()
    pod.onExec = () => {
      throw new CassSniError('CSNI203', 'user "x" cannot create pods/exec in namespace default')
    }
    setTimeout(() => {
      pod.served = NEW
    }, 500)
    const [result] = await pod.live()
    assert.equal(result?.live, true)
    assert.match(
      pod.warnings().join(),
      /cannot reload keystore \(user "x" cannot create .*\); Cassandra rereads it within 1 minute/,
    )
    assert.ok(
      pod.events.some(
        (event) => event.type === 'waiting' && /reread its keystore \(every 10 minutes/.test(event.lines.join()),
      ),
    )
  })

  it('and where nodetool has no reloadssl', async () => {
    const pod = fakePod('echo "nodetool: Found unexpected parameters: [reloadssl]" >&2; exit 1')
    setTimeout(() => {
      pod.served = NEW
    }, 6500)
    const [result] = await pod.live(OLD, { ...TIMINGS, reloadMs: 30_000, rereadMs: 30_000 })
    assert.equal(result?.live, true)
    assert.match(pod.warnings().join(), /nodetool reloadssl exited with 1: nodetool: Found unexpected parameters/)
  })

  it('reports the node that still serves the old certificate', async () => {
    const pod = fakePod()
    await assert.rejects(pod.live(), (error: unknown) => {
      assert.ok(error instanceof CassSniError)
      assert.equal(error.code, 'CSNI404')
      assert.match(
        error.message,
        /not yet served by dse-dc1-default-sts-0 \(keystore reloaded, certificate unchanged\)/,
      )
      return true
    })
  })

  it('reloads a node whose certificate cannot be read, and reports it', async () => {
    const pod = fakePod()
    pod.served = { failure: 'no tunnel' }
    const [result] = await pod.live({ failure: 'no tunnel' })
    assert.deepEqual(result, {
      pod: 'dse-dc1-default-sts-0',
      live: false,
      before: undefined,
      after: undefined,
      note: 'keystore reloaded; cannot read its certificate: no tunnel',
    })
    assert.deepEqual([...new Set(pod.reloads())], ['reloadssl'])
  })

  it('ends as soon as another run replaces the keystore in the Secret', async () => {
    const pod = fakePod()
    pod.onTouch = () => undefined
    const begun = Date.now()
    assert.equal(await pod.bringLive(OLD, { ...TIMINGS, reloadMs: 60_000 }, async () => false), 'superseded')
    assert.ok(Date.now() - begun < 10_000)
    assert.deepEqual(pod.reloads(), [], "Cassandra does not reload a keystore that is not the Secret's")
  })

  it('works on 8 of 40 nodes at a time', async () => {
    let running = 0
    let most = 0
    const pod = fakePod()
    pod.onExec = () => {
      throw new Error('not called')
    }
    const busy = async <T>(answer: T): Promise<T> => {
      running += 1
      most = Math.max(most, running)
      await new Promise((resolve) => setTimeout(resolve, 10))
      running -= 1
      return answer
    }
    const context = pod.context()
    const kube = { ...context.kube, exec: () => busy({ exitCode: 0, stdout: '', stderr: '' }) } as Kube
    const nodes = await rollOut(
      { ...context, kube },
      {
        dc: datacenter(),
        reader: { read: () => busy(NEW) },
        fingerprint256: NEW.certificate.fingerprint256,
        keystore: KEYSTORE,
        keystorePath: pod.keystore,
        targets: Array.from({ length: 40 }, (_, ordinal) => ({ node: node(ordinal), before: OLD })),
        timings: TIMINGS,
        isCurrent: async () => true,
      },
    )
    assert.ok(nodes !== 'superseded' && nodes.every(({ live }) => live))
    assert.equal(most, 8)
  })

  it('stops immediately when interrupted', async () => {
    const pod = fakePod()
    const stop = new AbortController()
    const context = { ...pod.context(), signal: stop.signal }
    const work = rollOut(context, {
      dc: datacenter(),
      reader: { read: async () => OLD },
      fingerprint256: 'FF:FF',
      keystore: KEYSTORE,
      keystorePath: pod.keystore,
      targets: [{ node: node(0), before: OLD }],
      timings: { ...TIMINGS, reloadMs: 60_000 },
      isCurrent: async () => true,
    })
    setTimeout(() => stop.abort(new CassSniError('CSNI902', 'interrupted')), 300)
    await assert.rejects(work, (error: unknown) => error instanceof CassSniError && error.code === 'CSNI902')
  })
})
