"""A statement every 25 ms until stdin ends: churn.py ADDRESS PORT CA RECONNECT_MS HOST_ID... (CQL_USER, CQL_PASSWORD).
Prints a line of JSON for each: at (seconds), the node that answered and the one that was requested, or the error."""

import json
import os
import ssl
import sys
import threading
import time

from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.connection import SniEndPoint, SniEndPointFactory
from cassandra.policies import (
    ConstantReconnectionPolicy,
    DCAwareRoundRobinPolicy,
    ExponentialReconnectionPolicy,
    TokenAwarePolicy,
)

address, port, ca, reconnect, *host_ids = sys.argv[1:]
seconds = int(reconnect) / 1000
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
policy = TokenAwarePolicy(DCAwareRoundRobinPolicy("dc1"))
exponential = ExponentialReconnectionPolicy(seconds, 5, max_attempts=None)
cluster = Cluster(
    contact_points=[SniEndPoint(address, host_id, int(port)) for host_id in host_ids],
    endpoint_factory=SniEndPointFactory(address, int(port)),
    ssl_context=ssl.create_default_context(cafile=ca),
    auth_provider=PlainTextAuthProvider(os.environ["CQL_USER"], os.environ["CQL_PASSWORD"]),
    execution_profiles={EXEC_PROFILE_DEFAULT: ExecutionProfile(load_balancing_policy=policy, request_timeout=5)},
    reconnection_policy=exponential if seconds < 1 else ConstantReconnectionPolicy(seconds, max_attempts=None),
)
session = cluster.connect(wait_for_all_pools=True)
while not ended.is_set():
    line = {"at": time.time()}
    try:
        result = session.execute("SELECT host_id FROM system.local")
        requested = result.response_future.coordinator_host.host_id
        line = {"at": time.time(), "requested": str(requested), "answered": str(result.one().host_id)}
    except Exception as error:  # counted
        line["error"] = f"{type(error).__name__}: {error}"
    print(json.dumps(line), flush=True)
    time.sleep(0.025)
cluster.shutdown()
