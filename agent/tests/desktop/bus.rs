//! Message buses of a test's own, and what passes on them.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use futures_util::StreamExt;
use zbus::names::BusName;
use zbus::{Connection, Message, MessageStream};

use crate::process::Process;

/// A message bus.
pub struct Bus {
    pub address: String,
    _process: Process,
}

impl Bus {
    pub fn start(folder: &Path, name: &str) -> Self {
        let config = folder.join(format!("{name}.conf"));
        fs::write(
            &config,
            format!(
                r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path={}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow own="*"/>
    <allow send_destination="*"/><allow receive_sender="*"/>
  </policy>
</busconfig>"#,
                folder.join(format!("{name}.socket")).display()
            ),
        )
        .unwrap();
        let mut child = Command::new("dbus-daemon")
            .arg(format!("--config-file={}", config.display()))
            .args(["--nofork", "--print-address=1"])
            .stdout(Stdio::piped())
            .stderr(File::create(folder.join(format!("{name}.log"))).unwrap())
            .spawn()
            .unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut address)
            .unwrap();
        Self {
            address: address.trim().to_owned(),
            _process: Process(child),
        }
    }

    pub async fn connect(&self) -> Connection {
        zbus::connection::Builder::address(self.address.as_str())
            .unwrap()
            .build()
            .await
            .unwrap()
    }

    pub async fn has(&self, name: &str) -> bool {
        let bus = zbus::fdo::DBusProxy::new(&self.connect().await)
            .await
            .unwrap();
        let name = BusName::try_from(name.to_owned()).unwrap();
        bus.name_has_owner(name).await.unwrap()
    }

    /// Everything that passes on this bus from now on.
    pub async fn record(&self) -> Recording {
        let connection = self.connect().await;
        let mut passing = MessageStream::from(&connection);
        zbus::fdo::MonitoringProxy::new(&connection)
            .await
            .unwrap()
            .become_monitor(&[], 0)
            .await
            .unwrap();
        let messages = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&messages);
        tokio::spawn(async move {
            let _connection = connection;
            while let Some(Ok(message)) = passing.next().await {
                kept.lock().unwrap().push(message);
            }
        });
        Recording(messages)
    }
}

/// What passed on a bus.
pub struct Recording(Arc<Mutex<Vec<Message>>>);

impl Recording {
    /// The calls and signals of this name.
    pub fn named(&self, member: &str) -> Vec<Message> {
        let messages = self.0.lock().unwrap();
        let named = messages.iter().filter(|message| {
            message
                .header()
                .member()
                .is_some_and(|name| name.as_str() == member)
        });
        named.cloned().collect()
    }

    /// Whether any message's body holds these octets.
    pub fn holds(&self, octets: &[u8]) -> bool {
        let messages = self.0.lock().unwrap();
        messages.iter().any(|message| {
            let body = message.body();
            body.data()
                .windows(octets.len())
                .any(|window| window == octets)
        })
    }
}
