"""Asks each node by its host id which node it is: driver.py ADDRESS PORT CA HOST_ID... (login as JSON on stdin)."""

import json
import ssl
import sys

from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.connection import SniEndPoint, SniEndPointFactory
from cassandra.policies import RoundRobinPolicy

address, port, ca, *host_ids = sys.argv[1:]
login = json.load(sys.stdin)
context = ssl.create_default_context(cafile=ca)
assert context.check_hostname and context.verify_mode == ssl.CERT_REQUIRED

cluster = Cluster(
    contact_points=[SniEndPoint(address, host_id, int(port)) for host_id in host_ids],
    endpoint_factory=SniEndPointFactory(address, int(port)),
    ssl_context=context,
    auth_provider=PlainTextAuthProvider(login["username"], login["password"]),
    execution_profiles={EXEC_PROFILE_DEFAULT: ExecutionProfile(load_balancing_policy=RoundRobinPolicy())},
)
session = cluster.connect(wait_for_all_pools=True)
answers = []
for host in cluster.metadata.all_hosts():
    row = session.execute("SELECT host_id FROM system.local", host=host).one()
    answers.append({"asked": str(host.host_id), "answered": str(row.host_id)})
json.dump(answers, sys.stdout)
cluster.shutdown()
