//! `symbolon-service check`: whether everything that serving needs is there.

use std::fmt::Display;

use serde::Serialize;
use serde_json::json;

use super::{CommandError, open_keys, open_store, print};
use crate::certificates::CertificateAuthority;
use crate::config::Config;
use crate::enrolment::pool_size;
use crate::tls;

/// One thing that was looked at.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding {
    what: &'static str,
    in_order: bool,
    detail: String,
}

impl Finding {
    fn of(what: &'static str, found: Result<String, impl Display>) -> Self {
        let (in_order, detail) = match found {
            Ok(detail) => (true, detail),
            Err(error) => (false, error.to_string()),
        };
        Self {
            what,
            in_order,
            detail,
        }
    }
}

/// Looks at everything, prints what was found, and errs if something is out of order.
pub async fn run(config: &Config, json: bool) -> Result<(), CommandError> {
    let mut findings = look_at_store(config).await;
    findings.extend(look_at_keys(config).await);
    let text = if json {
        format!("{}\n", json!({"findings": findings}))
    } else {
        findings.iter().map(line_of).collect()
    };
    print(&text)?;
    match findings.iter().all(|finding| finding.in_order) {
        true => Ok(()),
        false => Err(CommandError::OutOfOrder),
    }
}

async fn look_at_store(config: &Config) -> Vec<Finding> {
    let store = match open_store(config).await {
        Ok(store) => store,
        Err(error) => return vec![Finding::of("store", Err(error))],
    };
    let writable = store.write(|_| Box::pin(async { Ok(()) })).await;
    let shares = pool_size(&store).await;
    store.close().await;
    vec![
        Finding::of("store", writable.map(|()| "can be read and written".into())),
        Finding::of(
            "pool of shares",
            shares.map(|shares| format!("{shares} wait for use")),
        ),
    ]
}

async fn look_at_keys(config: &Config) -> Vec<Finding> {
    let keys = match open_keys(&config.hsm).await {
        Ok(keys) => keys,
        Err(error) => return vec![Finding::of("token", Err(error))],
    };
    let authority = CertificateAuthority::open(&config.certificates, keys.clone());
    let server = tls::device_server(&keys, &config.certificates);
    vec![
        Finding::of("token", Ok::<_, CommandError>("holds every key".into())),
        Finding::of(
            "issuing certificate",
            authority.map(|_| "fits its key".into()),
        ),
        Finding::of("server certificate", server.map(|_| "fits its key".into())),
    ]
}

fn line_of(finding: &Finding) -> String {
    let mark = if finding.in_order { "ok  " } else { "BAD " };
    format!("{mark} {}: {}\n", finding.what, finding.detail)
}
