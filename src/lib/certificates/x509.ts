/**
 * Exports @peculiar/x509, which issues certificates; Node's crypto only reads them. Import it with `await import` when
 * issuing one, because loading takes about 80 ms. It requires the metadata functions of `Reflect` to be loaded first
 * (PeculiarVentures/x509 README.md), so both share one import.
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
