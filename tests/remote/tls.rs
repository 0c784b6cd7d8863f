//! Connections over TLS, with certificates that `openssl` makes.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
    thread,
};

use support::{LONG, skip};
use sysv_primitives::{Channel, Failure, OpenError};
use tempfile::TempDir;

use crate::{
    conformance::{Job, Square},
    server::{Server, is_installed},
};

fn openssl(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new("openssl");
    command.current_dir(folder).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    assert!(command.status().unwrap().success(), "openssl {arguments:?}");
}

/// Makes an authority `NAME.pem`, and a certificate `NAME-HOST.pem` for a host.
fn certify(folder: &Path, name: &str, host: &str) {
    let file = |what: &str| format!("{name}{what}");
    let (authority, its_key) = (file(".pem"), file(".key"));
    let new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    let subject = format!("/CN={name}");
    openssl(folder, &[&new[..], &["-subj", &subject, "-keyout", &its_key, "-out", &authority]].concat());
    let (key, certificate) = (file("-host.key"), file("-host.pem"));
    let alternative = format!("subjectAltName={host}");
    let signed =
        ["-CA", &authority, "-CAkey", &its_key, "-addext", &alternative, "-addext", "basicConstraints=CA:FALSE"];
    let own = ["-subj", "/CN=server", "-keyout", &key, "-out", &certificate];
    openssl(folder, &[&new[..], &signed, &own].concat());
}

struct Secured {
    server: Server,
    port: u16,
    folder: TempDir,
}

impl Secured {
    /// Starts a server that has a certificate for a host. Returns `None` if it can't be tested here.
    fn start(host: &str) -> Option<Self> {
        if !is_installed() {
            return None;
        }
        if Command::new("openssl").arg("version").stdout(Stdio::null()).status().is_err() {
            skip("openssl is not installed, so TLS was not tested");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        certify(folder.path(), "ours", host);
        certify(folder.path(), "other", host);
        let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (tls_port, certificate, key, authority) =
            (port.to_string(), file("ours-host.pem"), file("ours-host.key"), file("ours.pem"));
        let server = Server::with(&[
            "--appendonly",
            "yes",
            "--requirepass",
            "open-sesame",
            "--tls-port",
            &tls_port,
            "--tls-cert-file",
            &certificate,
            "--tls-key-file",
            &key,
            "--tls-ca-cert-file",
            &authority,
            "--tls-auth-clients",
            "no",
        ]);
        Some(Self { server, port, folder })
    }

    fn address(&self, authority: &str) -> String {
        let authority = self.folder.path().join(authority);
        format!("rediss://default:open-sesame@127.0.0.1:{}/jobs?ca={}", self.port, authority.display())
    }
}

fn why(address: &str) -> String {
    let error = Channel::connect(address).unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(matches!(error, OpenError::Failed(Failure::Refused { .. } | Failure::Unreachable { .. })), "{text}");
    assert!(!text.contains("sesame"), "{text}");
    text
}

/// All that a channel does, its own threads' connections with it, goes over TLS with user and password.
#[test]
fn a_channel_over_tls() {
    let Some(secured) = Secured::start("IP:127.0.0.1") else { return };
    let address = secured.address("ours.pem");
    let channel = Channel::connect(&address).unwrap();
    channel.send(&Job(1)).unwrap();
    channel.claim_timeout::<Job>(LONG).unwrap().done().unwrap();
    thread::scope(|scope| {
        let caller = scope.spawn(|| channel.call(&Square(3)).unwrap());
        let request = channel.recv_request_timeout::<Square>(LONG).unwrap();
        request.respond(&9).unwrap();
        assert_eq!(caller.join().unwrap(), 9);
    });
    let shown = format!("{channel:?}");
    assert!(shown.contains("rediss://127.0.0.1") && !shown.contains("sesame"), "{shown}");
    // The same channel as without.
    let plain = format!("redis://:open-sesame@127.0.0.1:{}/jobs", secured.server.port);
    channel.send(&Job(2)).unwrap();
    assert_eq!(Channel::connect(&plain).unwrap().try_recv::<Job>().unwrap(), Job(2));
    #[cfg(feature = "cli")]
    crate::tool::sysv(&["show", &address]).ended(0).says("rediss://127.0.0.1");
}

/// A server that is not the one of the address is refused before it gets the password.
#[test]
fn certificates_that_are_refused() {
    let Some(secured) = Secured::start("IP:127.0.0.1") else { return };
    let text = why(&secured.address("other.pem"));
    assert!(text.contains("?ca=/path/ca.pem"), "{text}");
    // The system's authorities have not signed it.
    let text = why(&format!("rediss://:open-sesame@127.0.0.1:{}/jobs", secured.port));
    assert!(text.contains("?ca=/path/ca.pem"), "{text}");
    let text = why(&secured.address("missing.pem"));
    assert!(text.contains("missing.pem") && text.contains("No such file"), "{text}");
    fs::write(secured.folder.path().join("empty.pem"), "no certificate").unwrap();
    let text = why(&secured.address("empty.pem"));
    assert!(text.contains("no certificate in it"), "{text}");
    // No TLS where it is wanted, and TLS where it is not.
    let text = why(&secured.address("ours.pem").replace(&secured.port.to_string(), &secured.server.port.to_string()));
    assert!(text.contains("speaks TLS at this port"), "{text}");
    let text = why(&format!("redis://:open-sesame@127.0.0.1:{}/jobs", secured.port));
    assert!(text.contains("can't reach"), "{text}");
}

#[test]
fn a_certificate_for_another_host() {
    let Some(secured) = Secured::start("DNS:elsewhere.example") else { return };
    let text = why(&secured.address("ours.pem"));
    assert!(text.contains("must be for the host of the address"), "{text}");
}
