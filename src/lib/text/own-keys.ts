/**
 * All label and annotation keys of this program. Those of cass-operator are in cassandra/resource-names.ts.
 */

/** On our objects: the CassandraDatacenter (metadata.name) that they belong to. */
export const OWNER_LABEL = 'cass-sni/datacenter'

/**
 * On DestinationRules, ServiceEntries and PeerAuthentications: the routing backend that created them. As an annotation
 * on our Gateway: the selected backend, if it is not the default.
 */
export const BACKEND_LABEL = 'cass-sni/backend'

/** On a node's Service or ServiceEntry: its pod. */
export const POD_LABEL = 'cass-sni/pod'

/**
 * On a node's Service or ServiceEntry: the pod's uid, the host ID that Cassandra has confirmed for it, and the uid of
 * the claim of its data volume, if known: "uid/host ID/uid".
 */
export const CONFIRMED_ANNOTATION = 'cass-sni/confirmed'

/**
 * On the keystore Secret: the public names in its certificate in addition to the cluster's own, comma-separated.
 */
export const PUBLIC_NAMES_ANNOTATION = 'cass-sni/public-names'

/** On a Secret with the certificate and key of a client: the client's name, which is the certificate's common name. */
export const CLIENT_LABEL = 'cass-sni/client'

/** On the keystore Secret: any other names in its certificate, comma-separated. */
export const SANS_ANNOTATION = 'cass-sni/sans'

/** On the keystore Secret: "public" if its certificate has no host IDs. */
export const NAME_SET_ANNOTATION = 'cass-sni/names'

/** On the keystore Secret: how long before its expiry the certificate is renewed: "60d". */
export const RENEW_BEFORE_ANNOTATION = 'cass-sni/renew-before'

/** On the CA Secret: the phase of a CA rotation; see certificates/ca-rotation.ts. */
export const CA_ROTATION_ANNOTATION = 'cass-sni/ca-rotation'

/** On a node's pod: the keystore version for which it was last annotated. */
export const KEYSTORE_ANNOTATION = 'cass-sni/keystore'

/**
 * On our Istio Gateway: the selected ingress gateway, "namespace/service". On our TLSRoutes: the Gateway resource,
 * "namespace/name".
 */
export const GATEWAY_ANNOTATION = 'cass-sni/gateway'

/** On our Istio Gateway and TLSRoutes: the cluster's DNS domain, the suffix of the node names. */
export const CLUSTER_DOMAIN_ANNOTATION = 'cass-sni/cluster-domain'

/** On our Gateway: templates of additional server names, comma-separated. */
export const SNI_TEMPLATES_ANNOTATION = 'cass-sni/sni-templates'

/** On our Gateway: server names that reach any node, comma-separated. */
export const ANY_NODE_ANNOTATION = 'cass-sni/any-node'

/** On our Gateway, and on the TLSRoute of the metadata service: its server name. */
export const METADATA_NAME_ANNOTATION = 'cass-sni/metadata-name'

/** On our TLSRoutes: the port for clients. */
export const PORT_ANNOTATION = 'cass-sni/port'

/** On our TLSRoutes: the GatewayClass of a separate Gateway, so that it can be restored. */
export const GATEWAY_CLASS_ANNOTATION = 'cass-sni/gateway-class'

/** On a CassandraDatacenter: "disabled" excludes it from the routes controller. */
export const ROUTES_ANNOTATION = 'cass-sni/routes'

/** On our Gateway: the state after the routes controller's last sync, as JSON; see reconcile/sync-record.ts. */
export const SYNC_ANNOTATION = 'cass-sni/last-sync'

/** The Lease of the routes controller, in its namespace, and the name of its other objects. */
export const CONTROLLER_NAME = 'cass-sni-controller'

/** Name of the Deployment that renews certificates, of its ServiceAccount and roles. */
export const RENEWAL_NAME = 'cass-sni-certificates'

/** The label app.kubernetes.io/name of the metadata service's pods, and its name in the audit log. */
export const METADATA_NAME = 'cass-sni-metadata'
