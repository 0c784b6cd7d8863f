//! A web service in tokio. Worker processes make its pages.
//!
//! ```text
//! cargo run --release --example web_service [-- --workers 3 --requests 200]
//! ```
//!
//! The service awaits the call of a channel in one task for each connection, and no thread of it blocks. The workers know
//! nothing of tokio: they are this program, started again, and claim one request after another. One page kills the worker
//! that makes it. Its claim goes to another worker, and the request is answered as all others. The clients are tasks of this
//! program, so it ends by itself.

use std::{
    env,
    net::SocketAddr,
    process::{Child, Command},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use nix::sys::signal::{Signal, raise};
use serde::{Deserialize, Serialize};
use sysv_primitives::{Channel, Request, messages};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream},
    net::{TcpListener, TcpStream},
    time::timeout,
};

/// Asks for a page.
#[derive(Serialize, Deserialize)]
struct Page {
    path: String,
}

messages! { 1 => Page }

impl Request for Page {
    type Response = String;
}

#[derive(Parser)]
struct Arguments {
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(2..=30))]
    workers: u16,
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1000))]
    requests: u32,
    #[arg(long, hide = true)]
    work: Option<String>,
}

/// How long a page may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How many clients there are at once.
const CLIENTS: u32 = 16;
/// How often a page may be tried.
const ATTEMPTS: u8 = 3;
/// The page that kills the first worker that makes it.
const CRASH: &str = "/crash";

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match &arguments.work {
        Some(name) => work(name),
        None => service(&arguments),
    }
}

/// Makes pages until the channel is closed.
fn work(name: &str) -> Result<()> {
    let pages = Channel::open(name)?;
    loop {
        let request = match pages.claim::<Page>() {
            Ok(request) => request,
            Err(error) if error.is_end() => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        if request.path == CRASH && request.attempt() == 1 {
            raise(Signal::SIGKILL)?;
        }
        let page = format!("{} by worker {}\n", request.path, std::process::id());
        request.respond(&page)?;
    }
}

#[tokio::main(flavor = "current_thread")]
async fn service(arguments: &Arguments) -> Result<()> {
    let name = format!("web-service-{}", std::process::id());
    // A request is claimed again if its worker dies.
    let pages = Arc::new(Channel::options().attempts(ATTEMPTS).remove_on_drop(true).create(&name)?);
    let workers = Workers::start(&name, arguments.workers)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let accepting = tokio::spawn(accept(listener, Arc::clone(&pages)));

    let begun = Instant::now();
    let clients: Vec<_> = (0..CLIENTS).map(|first| tokio::spawn(client(address, first, arguments.requests))).collect();
    for client in clients {
        client.await??;
    }
    println!("{} requests were answered in {:.1?}", arguments.requests, begun.elapsed());
    accepting.abort();
    pages.close()?;
    println!("{} of {} workers were killed", workers.join()?, arguments.workers);
    Ok(())
}

/// Serves each connection in a task of its own.
async fn accept(listener: TcpListener, pages: Arc<Channel>) -> Result<()> {
    loop {
        let (connection, _) = listener.accept().await?;
        let pages = Arc::clone(&pages);
        tokio::spawn(async move {
            if let Err(error) = serve(connection, &pages).await {
                eprintln!("a connection failed: {error:#}");
            }
        });
    }
}

/// Answers one request, by a call to whichever worker claims it.
async fn serve(connection: TcpStream, pages: &Channel) -> Result<()> {
    let mut connection = BufStream::new(connection);
    let (mut request, mut header) = (String::new(), String::new());
    connection.read_line(&mut request).await?;
    while connection.read_line(&mut header).await? > "\r\n".len() {
        header.clear();
    }
    let path = request.split(' ').nth(1).context("that is no request")?.to_owned();
    // If the time is over, the request is taken back.
    let (status, page) = match timeout(PATIENCE, pages.call_async(&Page { path })).await {
        Ok(Ok(page)) => ("200 OK", page),
        Ok(Err(error)) => ("503 Service Unavailable", format!("{error}\n")),
        Err(_) => ("504 Gateway Timeout", "no worker has answered\n".to_owned()),
    };
    let length = page.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    connection.write_all((head + &page).as_bytes()).await?;
    Ok(connection.shutdown().await?)
}

/// A client: gets one page after another, each of them once.
async fn client(address: SocketAddr, first: u32, requests: u32) -> Result<()> {
    for number in (first..requests).step_by(CLIENTS as usize) {
        let path = if number == requests / 2 { CRASH.to_owned() } else { format!("/page/{number}") };
        let page = get(address, &path).await.context(path.clone())?;
        ensure!(page.starts_with(&format!("{path} ")), "for {path} came {page}");
    }
    Ok(())
}

async fn get(address: SocketAddr, path: &str) -> Result<String> {
    let mut connection = TcpStream::connect(address).await?;
    connection.write_all(format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes()).await?;
    let mut response = String::new();
    connection.read_to_string(&mut response).await?;
    let (head, page) = response.split_once("\r\n\r\n").context("that is no response")?;
    ensure!(head.starts_with("HTTP/1.1 200 "), "{head}");
    Ok(page.to_owned())
}

/// The worker processes. They are killed if this program ends before its time.
struct Workers(Vec<Child>);

impl Workers {
    fn start(name: &str, workers: u16) -> Result<Self> {
        let start = |_| Command::new(env::current_exe()?).args(["--work", name]).spawn();
        Ok(Self((0..workers).map(start).collect::<Result<_, _>>().context("can't start a worker")?))
    }

    /// Waits for all of them. Returns how many were killed.
    fn join(mut self) -> Result<usize> {
        let statuses = self.0.iter_mut().map(Child::wait).collect::<Result<Vec<_>, _>>()?;
        let killed = statuses.iter().filter(|status| !status.success()).count();
        ensure!(killed == 1, "of the workers {killed} failed");
        Ok(killed)
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        for worker in &mut self.0 {
            let _ = worker.kill();
            let _ = worker.wait();
        }
    }
}
