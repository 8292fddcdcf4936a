//! Serves a sandbox until it is interrupted: `cargo run -p keyreeve-sandbox --example serve -- [USERS] [PORT]`.
#![allow(clippy::print_stdout)]

use keyreeve_sandbox::{AccountSeed, Options, Population, Sandbox};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let users = arguments.next().and_then(|users| users.parse().ok()).unwrap_or(60);
    let port = arguments.next().and_then(|port| port.parse().ok()).unwrap_or(0);
    let population = Population { users, ..Population::default() };
    let account = AccountSeed { population, ..AccountSeed::default() };
    let other = AccountSeed { account_id: "444455556666".to_owned(), ..AccountSeed::default() };
    let accounts = vec![account, other];
    let started = std::time::Instant::now();
    let sandbox = Sandbox::start(Options { accounts, port, ..Options::default() }).await?;
    println!("# ready after {} ms", started.elapsed().as_millis());
    println!("export AWS_ENDPOINT_URL={}", sandbox.endpoint_url());
    println!("export KEYREEVE_SANDBOX_ADMIN={}", sandbox.admin_url());
    let key = sandbox.connector_key("111122223333")?;
    println!("export AWS_ACCESS_KEY_ID={}", key.access_key_id);
    println!("export AWS_SECRET_ACCESS_KEY={}", key.secret_access_key);
    println!("export AWS_REGION=us-east-1");
    std::future::pending::<()>().await;
    Ok(())
}
