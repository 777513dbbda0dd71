"""Reads and writes through every node until its input ends: churn.py ADDRESS PORT CA HOST_ID... (login as JSON in the
first line). Prints a line of JSON for what happens: {"at": seconds, "host": host id, "event": "answered" | "wrong" |
"failed", "error": text}; "answered" only for the first time after the start or a failure. The last line has the number of
statements by host id."""

import json
import ssl
import sys
import threading
import time

from cassandra import ConsistencyLevel
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.connection import SniEndPoint, SniEndPointFactory
from cassandra.policies import ConstantReconnectionPolicy, RoundRobinPolicy
from cassandra.query import SimpleStatement

address, port, ca, *host_ids = sys.argv[1:]
login = json.loads(sys.stdin.readline())
context = ssl.create_default_context(cafile=ca)
assert context.check_hostname and context.verify_mode == ssl.CERT_REQUIRED
ended = threading.Event()


def end():
    sys.stdin.read()
    ended.set()


threading.Thread(target=end, daemon=True).start()


def tell(host, event, error=None):
    print(json.dumps({"at": time.time(), "host": host, "event": event, "error": error}), flush=True)


cluster = Cluster(
    contact_points=[SniEndPoint(address, host_id, int(port)) for host_id in host_ids],
    endpoint_factory=SniEndPointFactory(address, int(port)),
    ssl_context=context,
    auth_provider=PlainTextAuthProvider(login["username"], login["password"]),
    reconnection_policy=ConstantReconnectionPolicy(1.0, max_attempts=None),
    execution_profiles={
        EXEC_PROFILE_DEFAULT: ExecutionProfile(load_balancing_policy=RoundRobinPolicy(), request_timeout=5)
    },
)
session = cluster.connect(wait_for_all_pools=True)
insert = SimpleStatement("INSERT INTO churn.python (id, v) VALUES (%s, 'x')", consistency_level=ConsistencyLevel.LOCAL_QUORUM)
answering = set()
statements = {}
number = 0
while not ended.is_set():
    for host in list(cluster.metadata.all_hosts()):
        host_id = str(host.host_id)
        # hosts that the driver holds for down have no connections
        if not host.is_up or host not in session.get_pool_state():
            answering.discard(host_id)
            continue
        try:
            number += 1
            session.execute(insert, (number,), host=host)
            answer = str(session.execute("SELECT host_id FROM system.local", host=host).one().host_id)
        except Exception as error:  # each is reported and judged by the test
            answering.discard(host_id)
            tell(host_id, "failed", f"{type(error).__name__}: {error}")
            continue
        statements[host_id] = statements.get(host_id, 0) + 2
        if answer != host_id:
            tell(host_id, "wrong", answer)
        elif host_id not in answering:
            answering.add(host_id)
            tell(host_id, "answered")
    time.sleep(0.025)
print(json.dumps({"statements": statements}), flush=True)
cluster.shutdown()
