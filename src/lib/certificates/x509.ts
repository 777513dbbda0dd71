/**
 * @peculiar/x509, which issues certificates: Node's crypto only reads them. Imported (`await import`) when one is
 * issued, for it costs
 * some 80 ms. It needs the metadata functions of `Reflect` to be there before it (PeculiarVentures/x509 README.md),
 * so that both are one import.
 */
import 'reflect-metadata'

export {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  PublicKey,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
