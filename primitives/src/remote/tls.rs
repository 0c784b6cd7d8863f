//! Connections over TLS. The server must show a certificate for the host of its address.

use std::fs;

use redis::{Client, ConnectionInfo, ErrorKind, RedisError, TlsCertificates};
use rustls::crypto::{CryptoProvider, ring};

use crate::{Failure, ObjectName, OpenError};

/// How a certificate begins.
const PEM: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// Returns a client that connects over TLS. `authority` is the file of the authority that signs, in place of the system's.
pub(super) fn client(info: ConnectionInfo, authority: Option<&str>, object: &ObjectName) -> Result<Client, OpenError> {
    // The client library takes the process's provider, and panics where the program has two and has chosen none. If the program chooses one at
    // the same moment, that is as good.
    if CryptoProvider::get_default().is_none() {
        let _ = ring::default_provider().install_default();
    }
    let refused = |why: String| OpenError::Failed(Failure::Unreachable { object: object.clone(), why: why.into() });
    let read = |file: &str| {
        fs::read(file).map_err(|error| {
            refused(format!("the file of its authority, {file:?} behind `ca=`, can't be read: {error}"))
        })
    };
    let root_cert = authority.map(read).transpose()?;
    // The client library would take it for no authority at all.
    if let Some((file, text)) = authority.zip(root_cert.as_ref())
        && !text.windows(PEM.len()).any(|window| window == PEM)
    {
        return Err(refused(format!(
            "the file of its authority, {file:?} behind `ca=`, has no certificate in it, in PEM"
        )));
    }
    let certificates = TlsCertificates { client_tls: None, root_cert };
    Client::build_with_tls(info, certificates)
        .map_err(|error| refused(format!("the file of its authority behind `ca=` is no certificate in PEM: {error}")))
}

/// Returns why a server is not talked to, if that is for its certificate or its protocol, and what to do.
pub(super) fn refusal(error: &RedisError) -> Option<String> {
    if error.kind() != ErrorKind::Io {
        return None;
    }
    // The library has no kind for it, so its text decides. A text that is not known here is told after some tries.
    let text = error.to_string();
    if text.contains("UnknownIssuer") {
        return Some(format!(
            "{text}: no authority that is trusted here has signed its certificate; name the file of its authority by ?ca=/path/ca.pem \
             behind the name, or add it to those of this system"
        ));
    }
    if text.contains("peer certificate") {
        return Some(format!("{text}: its certificate must be for the host of the address, and valid now"));
    }
    if text.contains("InvalidContentType") {
        return Some(format!(
            "{text}: it does not speak TLS at this port; use the port of its `tls-port`, or redis://"
        ));
    }
    None
}
