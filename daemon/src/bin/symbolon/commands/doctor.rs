//! `symbolon doctor`: what works, what does not, and what to do about it.

use symbolon_daemon::bus::messages::{Diagnosis, DoctorFinding, Severity};

use super::{Session, parse};
use crate::exit::{Exit, Failure};
use crate::output::Output;

/// A daemon that cannot be reached is a finding like others, only with its own exit code.
pub(super) async fn run(
    session: Result<Session, Failure>,
    output: Output,
) -> Result<Exit, Failure> {
    let asked = match session {
        Ok(session) => session.daemon.doctor().await.map_err(Failure::from),
        Err(failure) => Err(failure),
    };
    let reply = match asked {
        Ok(reply) => reply,
        Err(failure) => {
            let diagnosis = without_daemon(&failure);
            if output.is_json() {
                output.reply(&serde_json::to_string(&diagnosis).unwrap_or_default())?;
            } else {
                print(output, &diagnosis)?;
            }
            return Ok(failure.exit);
        }
    };
    let diagnosis: Diagnosis = parse(&reply)?;
    if output.is_json() {
        output.reply(&reply)?;
    } else {
        print(output, &diagnosis)?;
    }
    Ok(if diagnosis.healthy {
        Exit::Success
    } else {
        Exit::Failed
    })
}

fn print(output: Output, diagnosis: &Diagnosis) -> Result<(), Failure> {
    let width = diagnosis
        .findings
        .iter()
        .map(|finding| finding.subject.chars().count())
        .max()
        .unwrap_or(0);
    for finding in &diagnosis.findings {
        let mark = match finding.severity {
            Severity::Good => "✓",
            Severity::Notice => "·",
            Severity::Warning => "!",
            Severity::Problem => "✗",
        };
        let gap = width - finding.subject.chars().count();
        output.say(&format!(
            "{mark} {}{:gap$}  {}",
            finding.subject, "", finding.what
        ))?;
        if let Some(remedy) = &finding.remedy {
            output.say(&format!("  {:width$}  -> {remedy}", ""))?;
        }
    }
    output.say("")?;
    output.say(if diagnosis.healthy {
        "All is well."
    } else {
        "Something needs doing: see ! and ✗ above."
    })?;
    Ok(())
}

fn without_daemon(failure: &Failure) -> Diagnosis {
    let (what, remedy) = match failure.text.split_once("; ") {
        Some((what, remedy)) => (what, Some(remedy.to_owned())),
        None => (failure.text.as_str(), None),
    };
    Diagnosis {
        healthy: false,
        findings: vec![DoctorFinding {
            subject: "Daemon".to_owned(),
            severity: Severity::Problem,
            what: what.to_owned(),
            remedy,
        }],
    }
}
