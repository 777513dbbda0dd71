/** How large the certificate message of a TLS handshake becomes, and how large it may be. */

/**
 * The largest certificate message that is issued, in bytes. Java refuses handshake messages above 32,768 bytes
 * (openjdk/jdk src/java.base/share/classes/sun/security/ssl/SSLConfiguration.java, jdk.tls.maxHandshakeMessageSize),
 * Go those above 65,536 before 1.23 (golang/go src/crypto/tls/common.go, maxHandshake), OpenSSL those above 102,400
 * (openssl/openssl include/openssl/ssl.h.in, SSL_MAX_CERT_LIST_DEFAULT). 4 KiB are left for a longer chain.
 */
export const LARGEST_MESSAGE_BYTES = 28 * 1024

/**
 * Bytes of the body of the certificate message with this chain, the leaf first: what the limits are compared with.
 * As TLS 1.3 counts (RFC 8446, 4.4.2), which is the larger form: one byte for the context, three for the list, and for
 * each certificate three for its length and two for its extensions.
 * @param chain lengths of the certificates in DER
 */
export function certificateMessageBytes(chain: readonly number[]): number {
  return chain.reduce((sum, bytes) => sum + bytes + 5, 4)
}
