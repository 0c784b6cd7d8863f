//! Stands between a channel and its server, and cuts connections where a test wants it.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI64, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

#[derive(Default)]
struct Orders {
    /// How many more pieces the server's answers may have before a connection is cut instead of passing one on. Negative: any.
    answers_left: AtomicI64,
    /// How many pieces of requests.
    requests_left: AtomicI64,
    refuses: AtomicBool,
    cuts: AtomicI64,
    /// How long each answer takes longer.
    delay: Mutex<Duration>,
    open: Mutex<Vec<TcpStream>>,
}

pub(crate) struct Proxy {
    pub(crate) port: u16,
    orders: Arc<Orders>,
}

impl Proxy {
    pub(crate) fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let orders = Arc::new(Orders { answers_left: (-1).into(), requests_left: (-1).into(), ..Orders::default() });
        let ours = Arc::clone(&orders);
        thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                if ours.refuses.load(SeqCst) {
                    continue;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                for stream in [&client, &server] {
                    let _ = stream.set_nodelay(true);
                    ours.open.lock().unwrap().extend(stream.try_clone());
                }
                let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let orders = Arc::clone(&ours);
                thread::spawn(move || pass(from, to, &orders, |orders| &orders.requests_left, false));
                let orders = Arc::clone(&ours);
                thread::spawn(move || pass(server, client, &orders, |orders| &orders.answers_left, true));
            }
        });
        Self { port, orders }
    }

    pub(crate) fn address(&self, name: &str) -> String {
        format!("redis://127.0.0.1:{}/{name}", self.port)
    }

    /// Cuts the connection of the next answer but so many, which the server has given then.
    pub(crate) fn cut_answer(&self, after: i64) {
        self.orders.answers_left.store(after, SeqCst);
    }

    /// Cuts the connection of the next request but so many, which does not reach the server.
    pub(crate) fn cut_request(&self, after: i64) {
        self.orders.requests_left.store(after, SeqCst);
    }

    /// Cuts all connections, and refuses others until it is told otherwise.
    pub(crate) fn refuse(&self, refuses: bool) {
        self.orders.refuses.store(refuses, SeqCst);
        if refuses {
            for stream in self.orders.open.lock().unwrap().drain(..) {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
    }

    pub(crate) fn delay(&self, delay: Duration) {
        *self.orders.delay.lock().unwrap() = delay;
    }

    pub(crate) fn cuts(&self) -> i64 {
        self.orders.cuts.load(SeqCst)
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, orders: &Orders, left: fn(&Orders) -> &AtomicI64, is_answer: bool) {
    let mut piece = vec![0; 1 << 16];
    while let Ok(len @ 1..) = from.read(&mut piece) {
        let is_cut = left(orders).fetch_update(SeqCst, SeqCst, |left| (left >= 0).then(|| left - 1)) == Ok(0);
        if is_cut {
            orders.cuts.fetch_add(1, SeqCst);
            break;
        }
        if is_answer {
            let delay = *orders.delay.lock().unwrap();
            thread::sleep(delay);
        }
        if to.write_all(&piece[..len]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
