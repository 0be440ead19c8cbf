//! Whether this TPM does what the scheme needs. Revision and command list are only hints: PIN
//! indices came with revision 1.38, and firmware exists that says so and counts wrongly (TCG errata
//! 1.9 for revision 1.38, section 2.34). So a share is enrolled on a scratch index with the
//! product's own code, its PIN is mistyped until it is dead, and it is removed again.

mod scratch;

use symbolon_vault::{Bearing, Custody, Finding, VaultError};

use self::scratch::Scratch;
use crate::connection::Connection;
use crate::esys::Context;
use crate::machine::rollback_risk;

/// What was found out about a TPM.
pub(crate) struct Examination {
    hardware: String,
    findings: Vec<Finding>,
}

impl Examination {
    /// The examination could not be made.
    pub(crate) fn prevented(hardware: String, why: String) -> Self {
        Self {
            hardware,
            findings: vec![Finding {
                property: "the TPM can be examined".to_owned(),
                holds: false,
                bearing: Bearing::Required,
                detail: format!("the owner password is needed {why}; give it to the daemon"),
            }],
        }
    }

    pub(crate) fn custody(&self) -> Custody {
        Custody {
            hardware: self.hardware.clone(),
            lockout_in_hardware: self.findings.iter().all(|finding| finding.holds),
            findings: self.findings.clone(),
        }
    }

    /// Why nothing may be enrolled here.
    pub(crate) fn unfit(&self) -> Option<String> {
        let failed: Vec<String> = self
            .findings
            .iter()
            .filter(|finding| !finding.holds && finding.bearing == Bearing::Required)
            .map(|finding| format!("{} ({})", finding.property, finding.detail))
            .collect();
        (!failed.is_empty()).then(|| format!("this does not hold: {}", failed.join("; ")))
    }
}

/// E.g. `TPM 2.0 IFX 7.85`.
pub(crate) fn describe(context: &Context) -> Result<String, VaultError> {
    let identity = TpmIdentity::read(context)?;
    Ok(format!(
        "TPM 2.0 {} {}.{}",
        identity.manufacturer,
        identity.firmware >> 16,
        identity.firmware & 0xffff
    ))
}

/// Examines the TPM. Afterwards the connection is not to be used any more.
pub(crate) fn examine(connection: &mut Connection) -> Result<Examination, VaultError> {
    let hardware = describe(&connection.context)?;
    let identity = TpmIdentity::read(&connection.context)?;
    let mut findings = vec![
        implementation(&connection.context, &identity)?,
        rollback(&identity.manufacturer),
    ];
    if findings[0].holds {
        findings.extend(Scratch::enrol_and_examine(connection)?);
    }
    Ok(Examination { hardware, findings })
}

struct TpmIdentity {
    revision: u32,
    manufacturer: String,
    firmware: u32,
}

impl TpmIdentity {
    /// TPM 2.0 Part 2 section 6.13.
    fn read(context: &Context) -> Result<Self, VaultError> {
        const FIXED: u32 = 0x100;
        const REVISION: u32 = 0x102;
        const MANUFACTURER: u32 = 0x105;
        const FIRMWARE: u32 = 0x10b;
        let properties = context.properties(FIXED)?;
        let value = |wanted| {
            let found = properties.iter().find(|(property, _)| *property == wanted);
            found.map_or(0, |(_, value)| *value)
        };
        let letters = value(MANUFACTURER).to_be_bytes();
        Ok(Self {
            revision: value(REVISION),
            manufacturer: letters
                .iter()
                .filter(|letter| letter.is_ascii_alphanumeric())
                .map(|letter| char::from(*letter))
                .collect(),
            firmware: value(FIRMWARE),
        })
    }
}

fn implementation(context: &Context, identity: &TpmIdentity) -> Result<Finding, VaultError> {
    /// PIN indices came with it.
    const REVISION: u32 = 138;
    /// NV_DefineSpace, NV_Write, NV_ChangeAuth, NV_Certify, PolicySecret, PolicySigned,
    /// PolicyAuthorize, PolicyCpHash, PolicyCommandCode, PolicyCounterTimer, VerifySignature,
    /// RSA_Decrypt, LoadExternal.
    const COMMANDS: [u32; 13] = [
        0x12a, 0x137, 0x13b, 0x184, 0x151, 0x160, 0x16a, 0x16e, 0x16c, 0x16d, 0x177, 0x159, 0x167,
    ];
    let implemented = context.command_codes()?;
    let missing: Vec<String> = COMMANDS
        .iter()
        .filter(|command| !implemented.contains(command))
        .map(|command| format!("{command:#x}"))
        .collect();
    let revision = format!(
        "revision {}.{:02}",
        identity.revision / 100,
        identity.revision % 100
    );
    Ok(finding(
        "the TPM implements all that is needed (revision 1.38 or later)",
        identity.revision >= REVISION && missing.is_empty(),
        if missing.is_empty() {
            revision
        } else {
            format!("{revision}; missing commands: {}", missing.join(", "))
        },
    ))
}

/// Holds on real hardware only. Where it does not, shares are enrolled all the same, and the
/// lockout is not said to be in hardware.
fn rollback(manufacturer: &str) -> Finding {
    let risk = rollback_risk(manufacturer);
    Finding {
        property: "no snapshot can take the TPM's counts back".to_owned(),
        holds: risk.is_none(),
        bearing: Bearing::Expected,
        detail: match risk {
            Some(risk) => format!(
                "{risk}: whoever can restore an old state of it can guess without end; the lockout \
                 is only as good as those who run it"
            ),
            None => "nothing speaks of a virtual machine".to_owned(),
        },
    }
}

fn finding(property: &str, holds: bool, detail: String) -> Finding {
    Finding {
        property: property.to_owned(),
        holds,
        bearing: Bearing::Required,
        detail,
    }
}
