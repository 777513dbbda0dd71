"""Reads and writes with a secure connect bundle, a round for each line on stdin: bundle.py BUNDLE CA KEYSPACE

The first two lines are user and password. KEYSPACE_one has one replica, KEYSPACE_all has one on each of three nodes.
"""

import json
import ssl
import sys

from cassandra import ConsistencyLevel
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import Cluster

bundle, ca, keyspace = sys.argv[1:]
lines = iter(lambda: sys.stdin.readline(), "")
username, password = next(lines).rstrip("\n"), next(lines).rstrip("\n")
context = ssl.create_default_context(cafile=ca)
assert context.check_hostname and context.verify_mode == ssl.CERT_REQUIRED

cluster = Cluster(
    cloud={"secure_connect_bundle": bundle, "ssl_context": context},
    auth_provider=PlainTextAuthProvider(username, password),
)
session = cluster.connect(wait_for_all_pools=True)
read = session.prepare(f"SELECT v FROM {keyspace}_one.t WHERE k = ?")
write = session.prepare(f"INSERT INTO {keyspace}_all.t (k, v) VALUES (?, ?)")
write.consistency_level = ConsistencyLevel.LOCAL_QUORUM
for _ in lines:
    nodes, astray, errors = set(), 0, []
    for key in range(60):
        try:
            session.execute(write, (key, "Python"))
            bound = read.bind((key,))
            future = session.execute_async(bound)
            future.result()
            node = future.coordinator_host
            replicas = cluster.metadata.get_replicas(f"{keyspace}_one", bound.routing_key)
            nodes.add(str(node.host_id))
            astray += node not in replicas
        except Exception as error:
            errors.append(str(error)[:300])
    print(json.dumps({"nodes": sorted(nodes), "astray": astray, "errors": errors}), flush=True)
cluster.shutdown()
