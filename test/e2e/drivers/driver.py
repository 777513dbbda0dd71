"""Asks each node which node it is, once for each kind of name: driver.py ADDRESS PORT CA KIND/HOST_ID/NAME... (login as
JSON on stdin). The certificate must be valid for the name; an answer or an error for each kind is printed as JSON."""

import json
import ssl
import sys

from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable
from cassandra.connection import SniEndPoint, SniEndPointFactory
from cassandra.policies import RoundRobinPolicy

address, port, ca, *words = sys.argv[1:]
login = json.load(sys.stdin)
kinds = {}
for word in words:
    kind, host_id, name = word.split("/")
    kinds.setdefault(kind, {})[host_id] = name


class Socket(ssl.SSLSocket):
    """Also requires the name that the context has for the host ID, which was sent as SNI."""

    def do_handshake(self, *args):
        super().do_handshake(*args)
        names = [value for kind, value in self.getpeercert()["subjectAltName"] if kind == "DNS"]
        wanted = self.context.names[self.server_hostname]
        if wanted not in names:
            raise ssl.SSLCertVerificationError(f"not valid for {wanted}")


class Context(ssl.SSLContext):
    sslsocket_class = Socket


class PodContext(ssl.SSLContext):
    """SNI and check_hostname both use the name."""

    def wrap_socket(self, *args, server_hostname, **options):
        return super().wrap_socket(*args, server_hostname=self.names[server_hostname], **options)


def ask(kind, names):
    context = (PodContext if kind == "pod" else Context)(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(ca)
    context.names = names
    assert context.check_hostname and context.verify_mode == ssl.CERT_REQUIRED
    cluster = Cluster(
        contact_points=[SniEndPoint(address, host_id, int(port)) for host_id in names],
        endpoint_factory=SniEndPointFactory(address, int(port)),
        ssl_context=context,
        auth_provider=PlainTextAuthProvider(login["username"], login["password"]),
        execution_profiles={EXEC_PROFILE_DEFAULT: ExecutionProfile(load_balancing_policy=RoundRobinPolicy())},
    )
    try:
        session = cluster.connect(wait_for_all_pools=True)
        for host in cluster.metadata.all_hosts():
            row = session.execute("SELECT host_id FROM system.local", host=host).one()
            answers.append({"kind": kind, "asked": str(host.host_id), "answered": str(row.host_id)})
    except NoHostAvailable as error:
        answers.append({"kind": kind, "error": str(error)})
    finally:
        cluster.shutdown()


answers = []
for kind, names in kinds.items():
    ask(kind, names)
json.dump(answers, sys.stdout)
