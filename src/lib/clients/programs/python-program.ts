/**
 * A program for the Python driver (apache/cassandra-python-driver cassandra/connection.py, SniEndPointFactory). Pure.
 */
import { commentLines, type DriverProgram, literal } from './driver-program.ts'

export const python: DriverProgram = {
  file: 'connect.py',
  library: 'cassandra-driver==3.30.0',
  run: ['pip install cassandra-driver==3.30.0', 'python3 connect.py'],
  text: ({ host, port, caFile, hostIds, localDatacenter, comment }) => `${commentLines('#', comment)}\
import os
import ssl

from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.connection import SniEndPoint, SniEndPointFactory
from cassandra.policies import DCAwareRoundRobinPolicy, ExponentialReconnectionPolicy, TokenAwarePolicy

HOST, PORT = ${literal(host)}, ${port}
CA_FILE = ${literal(caFile)}
LOCAL_DATACENTER = ${literal(localDatacenter)}
# the driver finds further nodes itself
HOST_IDS = [
${hostIds.map((id) => `    ${literal(id)},\n`).join('')}]

policy = TokenAwarePolicy(DCAwareRoundRobinPolicy(LOCAL_DATACENTER))
cluster = Cluster(
    contact_points=[SniEndPoint(HOST, host_id, PORT) for host_id in HOST_IDS],
    endpoint_factory=SniEndPointFactory(HOST, PORT),
    ssl_context=ssl.create_default_context(cafile=CA_FILE),  # verifies the chain and the host ID
    auth_provider=PlainTextAuthProvider(os.environ["CQL_USER"], os.environ["CQL_PASSWORD"]),
    execution_profiles={EXEC_PROFILE_DEFAULT: ExecutionProfile(load_balancing_policy=policy)},
    reconnection_policy=ExponentialReconnectionPolicy(0.2, 5, max_attempts=None),
)
session = cluster.connect(wait_for_all_pools=True)
for node in cluster.metadata.all_hosts():
    if node.datacenter == LOCAL_DATACENTER:
        row = session.execute("SELECT host_id, release_version FROM system.local", host=node).one()
        print(row.host_id, row.release_version)
cluster.shutdown()
`,
}
