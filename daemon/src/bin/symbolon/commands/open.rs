//! `symbolon open`: take up a device link, approve it, lead the browser back.

use std::os::fd::AsFd;
use std::process::{Command, Stdio};

use symbolon_daemon::bus::client::secret_pipe;
use symbolon_daemon::bus::messages::{CallbackTaken, Linked, PendingTransaction};
use symbolon_daemon::transaction::End;
use zeroize::Zeroizing;

use super::ends::Ends;
use super::{Session, approve, parse};
use crate::arguments::{Approve, Open};
use crate::exit::{Exit, Failure};
use crate::output::complain;
use crate::prompt::Prompt;

/// What a browser puts before the link when it hands it to this program.
const SCHEME: &str = "symbolon:";

pub(super) async fn run(session: &Session, wishes: Open) -> Result<Exit, Failure> {
    // Before the link is opened: its end must not go by unheard.
    let mut ends = Ends::listen(session).await?;
    let link = read_link(&wishes.link)?;
    let link = link.strip_prefix(SCHEME).unwrap_or(&link);
    let account = wishes.account.as_deref().unwrap_or_default();
    let open = async || {
        let pipe = secret_pipe(link.as_bytes())?;
        session.daemon.open_link(pipe.as_fd().into(), account).await
    };
    let opened: PendingTransaction = parse(&session.authorised(open).await?)?;
    let id = opened.id.to_string();
    let mut outcome = answer(session, &wishes, &id, &mut ends).await;
    if opened.purpose.is_none() && matches!(outcome, Ok(Exit::Success)) {
        outcome = follow(session, &wishes, &id, &mut ends).await;
    }
    lead_back(session, &id, wishes.no_browser).await?;
    outcome
}

fn read_link(link: &str) -> Result<Zeroizing<String>, Failure> {
    if link != "-" {
        return Ok(Zeroizing::new(link.trim().to_owned()));
    }
    // Octet by octet and unbuffered: the line after it may be the PIN.
    let mut octets = Zeroizing::new(Vec::new());
    let mut octet = [0];
    while octets.len() <= symbolon_protocol::device_link::MAX_LENGTH {
        match rustix::io::read(rustix::stdio::stdin(), &mut octet) {
            Ok(0) => break,
            Ok(_) if octet[0] == b'\n' => break,
            Ok(_) => octets.push(octet[0]),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(std::io::Error::from(error).into()),
        }
    }
    std::str::from_utf8(&octets)
        .map(|text| Zeroizing::new(text.trim().to_owned()))
        .map_err(|_| Failure::new(Exit::Refused, "the link is no text"))
}

/// Asks here, or waits until the agent has asked.
async fn answer(
    session: &Session,
    wishes: &Open,
    id: &str,
    ends: &mut Ends,
) -> Result<Exit, Failure> {
    let asks_here = wishes.pin_fd.is_some()
        || wishes.pin_stdin
        || wishes.consent
        || Prompt::new().terminal().is_some();
    if !asks_here {
        return await_end(id, ends).await;
    }
    let approval = Approve {
        id: Some(id.to_owned()),
        verification_code: None,
        consent: wishes.consent,
        pin_fd: wishes.pin_fd,
        pin_stdin: wishes.pin_stdin,
    };
    match approve::answer(session, approval).await? {
        approve::Answer::Given => Ok(Exit::Success),
        approve::Answer::Agreed => await_end(id, ends).await,
    }
}

/// The signature that a certificate choice announced. That none comes is no failure: the relying
/// party got what it asked for.
async fn follow(
    session: &Session,
    wishes: &Open,
    choice: &str,
    ends: &mut Ends,
) -> Result<Exit, Failure> {
    if !session.output.is_json() {
        session.output.say("Waiting for what is to be signed…")?;
    }
    let linked: Linked = parse(&session.daemon.await_linked(choice).await?)?;
    match linked.transaction {
        Some(signature) => answer(session, wishes, &signature.to_string(), ends).await,
        None => Ok(Exit::Success),
    }
}

/// The agent asks for the PIN; here only the end is awaited.
async fn await_end(id: &str, ends: &mut Ends) -> Result<Exit, Failure> {
    match ends.of(id).await? {
        End::Approved | End::Consented => Ok(Exit::Success),
        End::Refused | End::Disowned => Err(Failure::new(Exit::Failed, "it was refused")),
        other => Err(other.fault().into()),
    }
}

async fn lead_back(session: &Session, id: &str, no_browser: bool) -> Result<(), Failure> {
    let reply = session.daemon.take_callback(id).await?;
    let CallbackTaken { url } = parse(&reply)?;
    if session.output.is_json() {
        session.output.reply(&reply)?;
        return Ok(());
    }
    let Some(url) = url else { return Ok(()) };
    if !no_browser && has_desktop() && browse(&url) {
        return Ok(());
    }
    session
        .output
        .say(&format!("Go on in your browser: {url}"))?;
    Ok(())
}

fn has_desktop() -> bool {
    ["WAYLAND_DISPLAY", "DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Whether a browser took the address. It is one that the daemon has judged: https, no spaces.
fn browse(url: &str) -> bool {
    let opened = Command::new("xdg-open")
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match opened {
        Ok(status) if status.success() => true,
        Ok(status) => {
            complain(&format!("the browser could not be opened ({status})"));
            false
        }
        Err(error) => {
            complain(&format!("xdg-open could not be run ({error})"));
            false
        }
    }
}
