/** The size of the certificate message in a TLS handshake, and its limit. */

/**
 * The largest certificate message to issue, in bytes. Java refuses handshake messages above 32,768 bytes
 * (openjdk/jdk src/java.base/share/classes/sun/security/ssl/SSLConfiguration.java, jdk.tls.maxHandshakeMessageSize),
 * Go those above 65,536 before 1.23 (golang/go src/crypto/tls/common.go, maxHandshake), OpenSSL those above 102,400
 * (openssl/openssl include/openssl/ssl.h.in, SSL_MAX_CERT_LIST_DEFAULT). This leaves 4 KiB for a longer chain.
 */
export const LARGEST_MESSAGE_BYTES = 28 * 1024

/**
 * Returns the length of the certificate message's body, to which the limits apply. Uses the format of TLS 1.3 (RFC
 * 8446, 4.4.2), which is the larger one: one byte for the context, three for the list, and for each certificate three
 * for its length and two for its extensions.
 * @param chain DER lengths of the certificates, leaf first
 */
export function certificateMessageBytes(chain: readonly number[]): number {
  return chain.reduce((sum, bytes) => sum + bytes + 5, 4)
}
