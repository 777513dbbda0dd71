/**
 * Does what `kubectl cass-sni port-forward` does, for any port of any pod, with the command line's modules loaded, so that
 * its memory is comparable. Bundled by port-forward.ts like the program, then run with NAMESPACE POD PORT.
 */
import { connectKube } from '../src/lib/cluster/client.ts'
import { podDialer } from '../src/lib/connection/dialer.ts'
import { serveTunnel } from '../src/lib/connection/local-listener.ts'
import '../src/lib/cli/main.ts'
import { keepHeapSmall } from '../src/lib/cli/small-heap.ts'
import '../src/lib/workflows/port-forward-workflow.ts'

/** In a function: a CommonJS bundle has no top-level await. */
async function serve(): Promise<void> {
  const [namespace = '', pod = '', port = ''] = process.argv.slice(2)
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort())
  const kube = await connectKube({ signal: stop.signal })
  const { dial, describe } = podDialer(kube, { name: pod, namespace }, Number(port))
  // as the command does
  keepHeapSmall()
  const tunnel = await serveTunnel({
    listen: { addresses: ['localhost'], port: 0 },
    dial,
    signal: stop.signal,
  })
  for (const { host, port: local } of tunnel.listening) console.log(`Forwarding from ${host}:${local} -> ${describe}`)
  await tunnel.done
}

void serve()
