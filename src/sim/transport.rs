//! The bytes of one connection, plain or over TLS, and the certificate that TLS needs.

use std::io::{self, Read, Write};
use std::sync::Arc;

use mio::net::TcpStream;
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A socket of the simulator.
#[derive(Debug)]
pub(super) enum Transport {
    /// As it is.
    Plain(TcpStream),
    /// Encrypted.
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Transport {
    /// The socket below.
    pub(super) const fn socket(&mut self) -> &mut TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => &mut stream.sock,
        }
    }

    /// Whether bytes taken by `write` still wait below.
    pub(super) fn wants_write(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(stream) => stream.conn.wants_write(),
        }
    }
}

impl Read for Transport {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Transport {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

/// A certificate for this machine's loopback names, made anew, and the authority that signed it.
#[derive(Clone, Debug)]
pub(super) struct Certificate {
    /// For new connections.
    pub(super) config: Arc<ServerConfig>,
    /// The authority, for clients to trust.
    pub(super) ca_pem: String,
}

impl Certificate {
    /// Makes an authority and a certificate for `localhost`, `127.0.0.1` and `::1`.
    ///
    /// # Errors
    /// When the machine has no randomness to give.
    pub(super) fn make() -> io::Result<Self> {
        let mut params = CertificateParams::new(Vec::new()).map_err(io::Error::other)?;
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "tickwire simulated exchange");
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let authority = CertifiedIssuer::self_signed(params, key).map_err(io::Error::other)?;

        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let params = CertificateParams::new(names).map_err(io::Error::other)?;
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let leaf = params.signed_by(&key, &authority).map_err(io::Error::other)?;
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));

        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], private)
            .map_err(io::Error::other)?;
        Ok(Self { config: Arc::new(config), ca_pem: authority.pem() })
    }

    /// A connection over `socket`.
    pub(super) fn wrap(&self, socket: TcpStream) -> io::Result<Transport> {
        let connection =
            ServerConnection::new(Arc::clone(&self.config)).map_err(io::Error::other)?;
        Ok(Transport::Tls(Box::new(StreamOwned::new(connection, socket))))
    }
}
