import { deepEqual } from 'node:assert/strict'
import { nativePorts } from '../../../src/lib/cassandra/native-ports.ts'

const yaml = (settings: object) => ({ 'cassandra-yaml': settings })

describe('the ports for CQL in the pods', () => {
  const cases: [string, Parameters<typeof nativePorts>, ReturnType<typeof nativePorts>][] = [
    ['nothing set', [undefined, undefined, true], { native: 9042, plaintext: undefined }],
    [
      'native_transport_port',
      [yaml({ native_transport_port: 9043 }), undefined, true],
      { native: 9043, plaintext: undefined },
    ],
    [
      'native_transport_port_ssl beside the default port, which stays without TLS',
      [yaml({ native_transport_port_ssl: 9142 }), undefined, true],
      { native: 9142, plaintext: 9042 },
    ],
    [
      'native_transport_port_ssl equal to native_transport_port',
      [yaml({ native_transport_port: 9043, native_transport_port_ssl: 9043 }), undefined, true],
      { native: 9043, plaintext: undefined },
    ],
    [
      'native_transport_port_ssl without TLS to clients',
      [yaml({ native_transport_port_ssl: 9142 }), undefined, false],
      { native: 9042 },
    ],
    ['nodePort.native', [undefined, { nodePort: { native: 30042 } }, true], { native: 30042, plaintext: undefined }],
    [
      'nodePort.nativeSSL, before nodePort.native',
      [undefined, { nodePort: { native: 30042, nativeSSL: 30142 } }, true],
      { native: 30142, plaintext: 9042 },
    ],
    [
      'nodePort.nativeSSL next to the configured port',
      [yaml({ native_transport_port: 30142 }), { nodePort: { nativeSSL: 30142 } }, true],
      { native: 30142, plaintext: undefined },
    ],
    [
      'nodePort.native before the configuration',
      [yaml({ native_transport_port: 9043 }), { nodePort: { native: 30042 } }, true],
      { native: 30042, plaintext: undefined },
    ],
    [
      'a nodePort for the ports between nodes only',
      [undefined, { nodePort: { internode: 30700 } }, true],
      { native: 9042, plaintext: undefined },
    ],
    [
      'the text of a number',
      [JSON.stringify(yaml({ native_transport_port: '9043' })), undefined, true],
      { native: 9043, plaintext: undefined },
    ],
    [
      'nonsense',
      [yaml({ native_transport_port: [1, 2], native_transport_port_ssl: 70_000 }), undefined, true],
      { native: 9042, plaintext: undefined },
    ],
  ]
  for (const [title, args, expected] of cases) it(title, () => deepEqual(nativePorts(...args), expected))
})
