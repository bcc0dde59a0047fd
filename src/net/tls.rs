//! TLS settings: whom we trust, who we are, and which ciphers come first.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, CipherSuite, ClientConfig, DigitallySignedStruct, RootCertStore,
    ServerConfig, SignatureScheme,
};

use super::NetError;

/// For connections to exchanges: the system's certificate authorities, and those of `ca_file`
/// (PEM) besides. TLS 1.2 and 1.3. One of these serves every connection, and sessions resume.
///
/// # Errors
/// [`NetError::TlsFile`] when `ca_file` cannot be read or holds no certificate;
/// [`NetError::NoRoots`] when neither it nor the system names an authority.
pub fn client_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, NetError> {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(native.certs);
    if let Some(path) = ca_file {
        add_authorities(&mut roots, path)?;
    }
    if roots.is_empty() {
        let what = native.errors.first().map_or("none".into(), |error| error.to_string().into());
        return Err(NetError::NoRoots { what });
    }
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| NetError::Tls(Box::new(error)))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Whether a file names authorities to trust, as [`client_config`] wants them.
///
/// # Errors
/// [`NetError::TlsFile`] when it does not.
pub fn check_authorities(ca_file: &Path) -> Result<(), NetError> {
    add_authorities(&mut RootCertStore::empty(), ca_file)
}

fn add_authorities(roots: &mut RootCertStore, path: &Path) -> Result<(), NetError> {
    for certificate in certificates("tls_ca_file", path)? {
        roots.add(certificate).map_err(|error| file_error("tls_ca_file", path, &error))?;
    }
    Ok(())
}

/// For a connection to ourselves: whoever holds the key of the first certificate of `cert_file`
/// (PEM), whatever host it names and whoever signed it.
///
/// # Errors
/// [`NetError::TlsFile`] when the file cannot be used.
pub fn pinned_config(cert_file: &Path) -> Result<Arc<ClientConfig>, NetError> {
    // Never empty; the first is the end of the chain that we show.
    let certificate = certificates("tls_cert_file", cert_file)?.swap_remove(0);
    let provider = provider();
    let pinned = Pinned { certificate, algorithms: provider.signature_verification_algorithms };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| NetError::Tls(Box::new(error)))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(pinned))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Accepts one certificate. That its key is held is verified as always.
#[derive(Debug)]
struct Pinned {
    certificate: CertificateDer<'static>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if *end_entity == self.certificate {
            return Ok(ServerCertVerified::assertion());
        }
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// For what we serve: the certificate chain and its key, both PEM.
///
/// # Errors
/// [`NetError::TlsFile`] naming the file that cannot be used.
pub fn server_config(cert_file: &Path, key_file: &Path) -> Result<Arc<ServerConfig>, NetError> {
    let chain = certificates("tls_cert_file", cert_file)?;
    let key = PrivateKeyDer::from_pem_file(key_file)
        .map_err(|error| file_error("tls_key_file", key_file, &error))?;
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| NetError::Tls(Box::new(error)))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| file_error("tls_cert_file", cert_file, &error))?;
    Ok(Arc::new(config))
}

/// ring, with AES-128-GCM before AES-256-GCM and ChaCha20: the fastest per record where the CPU
/// has AES, and as safe.
fn provider() -> Arc<CryptoProvider> {
    let mut provider = ring::default_provider();
    provider.cipher_suites.sort_by_key(|suite| match suite.suite() {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => 0,
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
        | CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => 1,
        _ => 2,
    });
    Arc::new(provider)
}

fn certificates(
    field: &'static str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, NetError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = read.map_err(|error| file_error(field, path, &error))?;
    if certificates.is_empty() {
        return Err(file_error(field, path, &"it holds no PEM certificate"));
    }
    Ok(certificates)
}

#[cold]
fn file_error(field: &'static str, path: &Path, what: &dyn std::fmt::Display) -> NetError {
    NetError::TlsFile { field, path: path.to_owned(), what: what.to_string().into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_hold_no_certificate_are_named_with_their_field() {
        let dir = tempfile::tempdir().unwrap();
        let empty = dir.path().join("empty.pem");
        std::fs::write(&empty, "no certificate here").unwrap();
        for path in [&empty, &dir.path().join("missing.pem")] {
            let text = client_config(Some(path)).unwrap_err().to_string();
            assert!(text.contains("tls_ca_file") && text.contains(".pem"), "{text}");
            let text = server_config(path, path).unwrap_err().to_string();
            assert!(text.contains("tls_cert_file"), "{text}");
        }
    }

    #[test]
    fn the_lightest_cipher_comes_first() {
        let first = provider().cipher_suites[0].suite();
        assert_eq!(first, CipherSuite::TLS13_AES_128_GCM_SHA256);
    }
}
