//! Subscribes to the daemon's signals on the bus at the given address and prints them, one a line.
//! A program of its own so that it can run as another user.
#![allow(clippy::print_stdout, reason = "what it is for")]

use futures_util::StreamExt;
use symbolon_daemon::bus::client::{self, SymbolonProxy};

#[tokio::main(flavor = "current_thread")]
async fn main() -> zbus::Result<()> {
    let address = std::env::args().nth(1);
    let connection = client::connect(address.as_deref()).await?;
    let mut messages = zbus::MessageStream::from(&connection);
    SymbolonProxy::new(&connection).await?.subscribe().await?;
    println!("subscribed");
    while let Some(message) = messages.next().await {
        let message = message?;
        let header = message.header();
        if header.message_type() != zbus::message::Type::Signal
            || header
                .interface()
                .is_none_or(|name| name != "org.symbolon.Symbolon1")
        {
            continue;
        }
        let name = header.member().map(ToString::to_string).unwrap_or_default();
        let body = message.body();
        let words = match body.deserialize::<(String, String)>() {
            Ok((first, second)) => format!("{first} {second}"),
            Err(_) => body.deserialize::<String>()?,
        };
        println!("{name} {words}");
    }
    Ok(())
}
