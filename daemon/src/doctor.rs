//! What works, what does not, and what to do about it, in plain words.

use std::sync::Arc;
use std::time::Duration;

use symbolon_protocol::identifiers::KeyPurpose;
use symbolon_protocol::lockout::{LIMITS, PinCount};
use symbolon_vault::{Bearing, Finding, Judge};
use time::OffsetDateTime;
use time::macros::format_description;

use crate::access::Caller;
use crate::account::Account;
use crate::bus::fault::Fault;
use crate::bus::messages::{Connection, Diagnosis, DoctorFinding, PinStanding, Severity};
use crate::device::{Configured, Device};
use crate::link::probe;
use crate::locked::locked;

/// From this difference on, times that we show are misleading.
const CLOCK_TOLERANCE_SECONDS: u64 = 60;

/// What a token lacks is needed by every share.
const TOKEN_REMEDY: &str = "nobody can enrol on this token: configure another one";

impl Device {
    /// `Doctor`.
    pub async fn diagnose(&self, caller: &Caller, subscribers: u32) -> Diagnosis {
        let mut findings = self.hardware_findings().await;
        let configured = locked(&self.configured).clone();
        findings.extend(service_findings(&configured).await);
        findings.push(good("D-Bus", "symbolond answers on the bus"));
        findings.push(subscriber_finding(subscribers));
        for file in &self.list_accounts(caller).await.damaged {
            findings.push(finding(
                "Stored accounts",
                Severity::Problem,
                format!("{} is damaged: {}", file.file, file.detail),
                "restore the file from before the damage and restart symbolond; if there is no \
                 such copy, remove it and enrol anew",
            ));
        }
        let seen = self.seen_by(caller).await;
        let accounts = seen.accounts;
        if let Some(fault) = seen.withheld {
            findings.push(from_fault("Group accounts", fault));
        } else if accounts.is_empty() {
            findings.push(finding(
                "Accounts",
                Severity::Notice,
                "you have no account on this machine",
                "get an enrolment code from your service and run `symbolon enrol`",
            ));
        }
        for account in accounts {
            findings.extend(account_findings(&account));
        }
        Diagnosis {
            healthy: findings
                .iter()
                .all(|finding| finding.severity <= Severity::Notice),
            findings,
        }
    }

    async fn hardware_findings(&self) -> Vec<DoctorFinding> {
        let judge = self.vault().judge();
        let subject = match judge {
            Judge::Hardware => "TPM",
            Judge::Service => "Token",
        };
        let custody = match self.vault().call(|vault| vault.custody()).await {
            Ok(custody) => custody,
            Err(error) => return vec![from_fault(subject, error.into())],
        };
        let hardware = custody.hardware;
        let mut findings = vec![match (judge, custody.lockout_in_hardware) {
            (Judge::Service, _) => finding(
                subject,
                Severity::Notice,
                format!("{hardware}: the service judges, counts and locks PINs, not the hardware"),
                "keep the token's own PIN from everybody who should not use every key on it",
            ),
            (Judge::Hardware, true) => {
                good(subject, format!("{hardware}: it counts wrong PINs itself"))
            }
            (Judge::Hardware, false) => finding(
                subject,
                Severity::Problem,
                format!("{hardware}: it cannot be relied on to count wrong PINs"),
                "update the firmware, or enrol on a machine whose TPM can",
            ),
        }];
        let examined = custody.findings.into_iter();
        findings.extend(examined.map(|finding| hardware_finding(subject, judge, finding)));
        findings
    }
}

/// What one property of the hardware, or its lack, means for a person.
fn hardware_finding(subject: &str, judge: Judge, examined: Finding) -> DoctorFinding {
    let (severity, remedy) = match (examined.holds, examined.bearing, judge) {
        (true, _, _) => (Severity::Good, None),
        (false, Bearing::Required, Judge::Service) => (Severity::Problem, Some(TOKEN_REMEDY)),
        (false, Bearing::Required | Bearing::Expected, _) => (Severity::Warning, None),
        (false, Bearing::Extra, _) => (Severity::Notice, None),
    };
    DoctorFinding {
        subject: subject.to_owned(),
        severity,
        what: format!("{}: {}", examined.property, examined.detail),
        remedy: remedy.map(str::to_owned),
    }
}

async fn service_findings(configured: &[Configured]) -> Vec<DoctorFinding> {
    if configured.is_empty() {
        return vec![finding(
            "Services",
            Severity::Problem,
            "no service is configured",
            "an administrator must add one to /etc/symbolon/daemon.toml and reload symbolond",
        )];
    }
    let mut findings = Vec::new();
    for configured in configured {
        let subject = format!("Service {}", configured.config.name);
        findings.push(match &configured.service {
            Err(detail) => finding(
                subject,
                Severity::Problem,
                format!("its configuration cannot be used: {detail}"),
                "an administrator must mend /etc/symbolon/daemon.toml",
            ),
            Ok(service) => match probe(&service.endpoint, service.roots.clone()).await {
                Ok(()) => good(subject, format!("it answers at {}", service.url)),
                Err(error) => from_fault(subject, error.into()),
            },
        });
    }
    findings
}

fn subscriber_finding(subscribers: u32) -> DoctorFinding {
    match subscribers {
        0 => finding(
            "Agent",
            Severity::Notice,
            "no program of yours is told when something waits",
            "on a desktop, start symbolon-agent; in a terminal, `symbolon pending` shows it",
        ),
        _ => good("Agent", "a program of yours is told when something waits"),
    }
}

fn account_findings(account: &Arc<Account>) -> Vec<DoctorFinding> {
    let subject = format!("Account {}", account.document_number());
    let mut findings = vec![connection_finding(&subject, account.connection())];
    let pins = [
        ("PIN1", KeyPurpose::Authentication),
        ("PIN2", KeyPurpose::Signing),
    ];
    match account.pin_standing(KeyPurpose::Authentication) {
        PinStanding::Closed {} => findings.push(finding(
            subject.clone(),
            Severity::Problem,
            "it is closed for good, and its certificates are revoked",
            "delete it with `symbolon delete` and enrol anew",
        )),
        PinStanding::Locked { by, until, .. } => findings.push(lock_finding(&subject, by, until)),
        PinStanding::Open { .. } => findings.extend(
            pins.into_iter()
                .map(|(name, purpose)| pin_finding(&subject, name, account.count(purpose))),
        ),
    }
    if let Err(fault) = account.underway() {
        findings.push(from_fault(subject.clone(), fault));
    }
    if let Some(ahead) = account
        .clock_ahead()
        .filter(|ahead| ahead.unsigned_abs() > CLOCK_TOLERANCE_SECONDS)
    {
        let direction = if ahead > 0 { "ahead of" } else { "behind" };
        findings.push(finding(
            "Clock",
            Severity::Warning,
            format!(
                "this machine's clock is {} {direction} the service's",
                in_words(Duration::from_secs(ahead.unsigned_abs()))
            ),
            "set it right (`timedatectl set-ntp true`), so that the times shown are true",
        ));
    }
    findings
}

fn connection_finding(subject: &str, connection: Connection) -> DoctorFinding {
    match connection {
        Connection::Connected {
            long_poll: false, ..
        } => good(subject, "connected: requests are pushed to this machine"),
        Connection::Connected {
            long_poll: true, ..
        } => finding(
            subject,
            Severity::Notice,
            "connected by long polls: something on the way holds event streams back",
            "nothing needs to be done; requests may come a little later",
        ),
        Connection::Connecting {} => finding(
            subject,
            Severity::Notice,
            "the first connection is being made",
            "look again in a moment",
        ),
        Connection::Disconnected { detail } => finding(
            subject,
            Severity::Warning,
            format!("not connected: {detail}"),
            "check the network; it connects by itself when the service can be reached",
        ),
        Connection::Ended { detail } => finding(
            subject,
            Severity::Notice,
            format!("no connection is made any more: {detail}"),
            "delete it with `symbolon delete`",
        ),
    }
}

fn lock_finding(subject: &str, by: KeyPurpose, until: Option<i64>) -> DoctorFinding {
    let pin = match by {
        KeyPurpose::Authentication => "PIN1",
        KeyPurpose::Signing => "PIN2",
    };
    match until {
        Some(until) if until > crate::clock::now() => finding(
            subject,
            Severity::Warning,
            format!(
                "locked by wrong entries of {pin} until {}, for another {}",
                moment(until),
                in_words(Duration::from_secs(u64::from(crate::clock::seconds_until(
                    until
                ))))
            ),
            "wait; the next approval after that unlocks it",
        ),
        Some(_) => finding(
            subject,
            Severity::Notice,
            format!("it was locked by wrong entries of {pin}, and the time is over"),
            "the next approval unlocks it",
        ),
        None => finding(
            subject,
            Severity::Warning,
            format!("locked by wrong entries of {pin}; the service has not said until when"),
            "connect to the network: the time begins when the service learns of the lock",
        ),
    }
}

fn pin_finding(subject: &str, name: &str, count: Option<PinCount>) -> DoctorFinding {
    match count {
        None => finding(
            subject,
            Severity::Warning,
            format!("{name}: its counter cannot be read"),
            "if the TPM has an owner password, an administrator must give it as the credential \
             tpm-owner; approving works without",
        ),
        Some(count) if count.failures == 0 && count.limit == LIMITS[0] => good(
            subject,
            format!("{name}: {} tries before a lock", count.tries_left()),
        ),
        Some(count) => finding(
            subject,
            Severity::Notice,
            format!(
                "{name}: {} wrong in a row, {} left before the next lock",
                count.failures,
                count.tries_left()
            ),
            "a right PIN clears the count; if those tries were not yours, change the PIN",
        ),
    }
}

fn good(subject: impl Into<String>, what: impl Into<String>) -> DoctorFinding {
    DoctorFinding {
        subject: subject.into(),
        severity: Severity::Good,
        what: what.into(),
        remedy: None,
    }
}

fn finding(
    subject: impl Into<String>,
    severity: Severity,
    what: impl Into<String>,
    remedy: impl Into<String>,
) -> DoctorFinding {
    DoctorFinding {
        subject: subject.into(),
        severity,
        what: what.into(),
        remedy: Some(remedy.into()),
    }
}

fn from_fault(subject: impl Into<String>, fault: Fault) -> DoctorFinding {
    let (what, remedy) = match fault.text.split_once("; ") {
        Some((what, remedy)) => (what.to_owned(), Some(remedy.to_owned())),
        None => (fault.text, None),
    };
    DoctorFinding {
        subject: subject.into(),
        severity: Severity::Problem,
        what,
        remedy,
    }
}

fn moment(unix: i64) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    OffsetDateTime::from_unix_timestamp(unix)
        .ok()
        .and_then(|moment| moment.format(format).ok())
        .unwrap_or_else(|| unix.to_string())
}

fn in_words(duration: Duration) -> String {
    let minutes = duration.as_secs().div_ceil(60);
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_says_which_pin_until_when_and_what_to_do() {
        let until = crate::clock::now() + 3 * 3600 - 30;
        let found = lock_finding("Account X", KeyPurpose::Signing, Some(until));
        assert_eq!(found.severity, Severity::Warning);
        assert!(found.what.contains("PIN2"), "{}", found.what);
        assert!(found.what.contains(&moment(until)), "{}", found.what);
        assert!(found.what.ends_with("another 3 h"), "{}", found.what);
        assert!(found.remedy.is_some());
    }

    #[test]
    fn durations_are_rounded_up_to_minutes() {
        assert_eq!(in_words(Duration::from_secs(1)), "1 min");
        assert_eq!(in_words(Duration::from_secs(3600)), "1 h");
        assert_eq!(in_words(Duration::from_secs(3 * 3600 - 59)), "3 h");
        assert_eq!(in_words(Duration::from_secs(5400)), "1 h 30 min");
    }

    #[test]
    fn times_are_written_in_utc() {
        assert_eq!(moment(1_700_000_000), "2023-11-14 22:13 UTC");
    }
}
