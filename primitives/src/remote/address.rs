//! Where a channel on a server is: `redis[s]://[user:password@]host[:port]/[database/]name[?volatile=true][&ca=file]`. Without a name it
//! is the address of the server itself.
//!
//! The user and the password are for the connection alone. No error and no `Debug` shows them.

use std::fmt::{self, Write as _};

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo};

const PORT: u16 = 6379;
const SCHEME: &str = "redis://";
const TLS_SCHEME: &str = "rediss://";
/// What stands before and behind the name in the key of a channel's state.
const KEY_START: &str = "sysv:{";
const KEY_END: &str = "}:s";
/// A pattern of all such keys.
pub(super) const KEYS: &str = "sysv:{*}:s";

/// An address, taken apart.
#[derive(Clone)]
pub(super) struct Address {
    host: String,
    port: u16,
    database: i64,
    credentials: Option<(String, String)>,
    /// Empty in the address of a server.
    pub(super) name: String,
    /// Whether a server that loses messages when it is restarted will do.
    pub(super) is_volatile: bool,
    pub(super) is_tls: bool,
    /// The file of the authority that has signed the server's certificate. By default the system's authorities.
    #[cfg_attr(not(feature = "redis-tls"), expect(dead_code, reason = "without TLS there is none"))]
    pub(super) authority: Option<String>,
}

impl Address {
    /// Takes the address of a channel apart. Fails with what is wrong with it, which quotes nothing of it.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let address = Self::parse_any(text)?;
        if address.name.is_empty() {
            return Err("the name of the channel is missing: redis://host/name");
        }
        Ok(address)
    }

    /// As [`parse`](Self::parse), and of a server as well.
    pub(super) fn parse_any(text: &str) -> Result<Self, &'static str> {
        let (rest, is_tls) = match (text.strip_prefix(SCHEME), text.strip_prefix(TLS_SCHEME)) {
            (Some(rest), _) => (rest, false),
            (_, Some(rest)) if cfg!(feature = "redis-tls") => (rest, true),
            (_, Some(_)) => {
                return Err(
                    "this program was built without TLS, the feature `redis-tls`; a tunnel on this host, such as stunnel, is \
                            reached by redis://",
                );
            }
            _ => return Err("an address begins with redis:// or rediss://"),
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (mut is_volatile, mut ca) = (false, None);
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=') {
                Some(("volatile", "true")) => is_volatile = true,
                Some(("volatile", "false")) => is_volatile = false,
                Some(("ca", file)) if is_tls => {
                    ca = Some(unescaped(file).ok_or("a % in it is not followed by two digits")?);
                }
                _ => return Err("the only parameters are volatile=true, and behind rediss:// ca=file"),
            }
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        // A password may have an `@` in it that is not escaped.
        let (credentials, host) = match authority.rsplit_once('@') {
            Some((credentials, host)) => (Some(credentials), host),
            None => (None, authority),
        };
        let credentials = credentials.map(|text| {
            let (user, password) = text.split_once(':').unwrap_or((text, ""));
            Some((unescaped(user)?, unescaped(password)?))
        });
        let credentials =
            credentials.map(|found| found.ok_or("a % in it is not followed by two digits")).transpose()?;
        let (host, port) = host_and_port(host)?;
        let (database, name) = match path.rsplit_once('/') {
            Some((database, name)) => {
                (database.parse().map_err(|_| "a database is a number: redis://host/0/name")?, name)
            }
            None => (0, path),
        };
        let name = unescaped(name).ok_or("a % in it is not followed by two digits")?;
        if name.len() > 255 {
            return Err("the name of a channel has 1 to 255 bytes");
        }
        Ok(Self { host, port, database, credentials, name, is_volatile, is_tls, authority: ca })
    }

    /// Returns what the client library needs to connect.
    pub(super) fn connection_info(&self) -> redis::RedisResult<ConnectionInfo> {
        let mut settings = RedisConnectionInfo::default().set_db(self.database);
        if let Some((user, password)) = &self.credentials {
            if !user.is_empty() {
                settings = settings.set_username(user);
            }
            settings = settings.set_password(password);
        }
        let (host, port) = (self.host.clone(), self.port);
        let place = if self.is_tls {
            ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
        } else {
            ConnectionAddr::Tcp(host, port)
        };
        let info = place.into_connection_info()?;
        Ok(info.set_redis_settings(settings))
    }

    /// Returns the key of the channel's state. All keys of a channel have the same hash tag, the name in braces.
    pub(super) fn key(&self) -> String {
        // A brace in the name would end the tag.
        let name = self.name.replace('%', "%25").replace('{', "%7B").replace('}', "%7D");
        format!("{KEY_START}{name}{KEY_END}")
    }

    /// Returns the address of the channel that keeps its state at a key. Returns `None` for any other key.
    pub(super) fn of_key(&self, key: &str) -> Option<Self> {
        let name = key.strip_prefix(KEY_START)?.strip_suffix(KEY_END)?;
        let name = unescaped(name).filter(|name| !name.is_empty())?;
        let found = Self { name, ..self.clone() };
        // A name that would have been written otherwise is not a channel's.
        (found.key() == key).then_some(found)
    }
}

/// Without credentials, and so that it can be taken apart again.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, database, name, .. } = self;
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        let scheme = if self.is_tls { TLS_SCHEME } else { SCHEME };
        write!(f, "{scheme}{host}:{port}/")?;
        if *database != 0 {
            write!(f, "{database}/")?;
        }
        for letter in name.chars() {
            match letter {
                '%' | '/' | '?' => write!(f, "%{:02X}", u32::from(letter))?,
                letter => f.write_char(letter)?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn host_and_port(text: &str) -> Result<(String, u16), &'static str> {
    let port_of = |text: &str| text.parse().map_err(|_| "the port is no number from 0 to 65535");
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, PORT),
        Some((host, rest)) => (host, port_of(rest.strip_prefix(':').unwrap_or(rest))?),
        None => match text.split_once(':') {
            Some((host, port)) => (host, port_of(port)?),
            None => (text, PORT),
        },
    };
    if host.is_empty() { Err("the host is missing: redis://host/name") } else { Ok((host.to_owned(), port)) }
}

fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let number = digit(rest.next())? * 16 + digit(rest.next())?;
        bytes.push(u8::try_from(number).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart() {
        let address = Address::parse("redis://me:p%40ss@host:7000/3/jobs?volatile=true").unwrap();
        assert_eq!(address.credentials, Some(("me".to_owned(), "p@ss".to_owned())));
        assert_eq!((address.port, address.database, address.is_volatile), (7000, 3, true));
        assert_eq!(
            (address.to_string().as_str(), address.key().as_str()),
            ("redis://host:7000/3/jobs", "sysv:{jobs}:s")
        );
        let plain = Address::parse("redis://[::1]/a%7Db").unwrap();
        assert_eq!((plain.to_string().as_str(), plain.key().as_str()), ("redis://[::1]:6379/a}b", "sysv:{a%7Db}:s"));
    }

    #[test]
    fn an_address_with_tls() {
        let parsed = Address::parse("rediss://host/a?volatile=true&ca=/etc/a%20b.pem");
        if !cfg!(feature = "redis-tls") {
            assert!(parsed.unwrap_err().contains("redis-tls"));
            return;
        }
        let address = parsed.unwrap();
        assert!(address.is_tls && address.is_volatile);
        assert_eq!(
            (address.authority.as_deref(), address.to_string().as_str()),
            (Some("/etc/a b.pem"), "rediss://host:6379/a")
        );
        for wrong in ["redis://host/a?ca=/etc/a.pem", "rediss://host/a?insecure=true", "rediss://host/a?ca=%zz"] {
            assert!(Address::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_server_is_listed_by_keys() {
        let server = Address::parse_any("redis://me:secret@host/2/").unwrap();
        assert_eq!(server.to_string(), "redis://host:6379/2/");
        for name in ["jobs", "a/b", "50%", "what?", "{x}", "%2F"] {
            let channel = Address { name: name.to_owned(), ..server.clone() };
            assert_eq!(server.of_key(&channel.key()).unwrap().name, name);
            assert_eq!(Address::parse(&channel.to_string()).unwrap().name, name);
        }
        for key in ["sysv:{}:s", "sysv:{a}:m:1", "other", "sysv:{a%41}:s"] {
            assert!(server.of_key(key).is_none(), "{key}");
        }
        assert_eq!(Address::parse_any("redis://host").unwrap().name, "");
        assert!(Address::parse("redis://host").is_err() && Address::parse("redis://host/2/").is_err());
    }

    #[test]
    fn no_error_and_no_debug_has_the_password() {
        for text in
            ["redis://me:secret@host:x/a", "redis://me:secret@host", "redis://me:secret%zz@h/a", "redis://:secret@/a"]
        {
            let why = Address::parse(text).unwrap_err();
            assert!(!why.contains("secret"), "{why}");
        }
        let address = Address::parse("redis://me:secret@host/a").unwrap();
        assert!(!format!("{address:?} {address}").contains("secret"));
    }
}
