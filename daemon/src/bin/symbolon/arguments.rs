//! The command line as `clap` reads it, and the help that teaches it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use symbolon_daemon::bus::MOST_APPROVALS;
use symbolon_protocol::audit_chain::ChainHash;
use symbolon_protocol::verification_code::VerificationCode;

use crate::exit::EXIT_CODES;

/// Log in and sign with a key whose halves are in this machine's TPM and at the co-signing service.
///
/// A relying party (a bank, an e-service) asks; `symbolon pending` shows what waits; `symbolon
/// approve` shows who asks, for what and with which verification code, and takes the PIN.
/// Everything is done by the daemon, symbolond, over D-Bus.
#[derive(Debug, Parser)]
#[command(name = "symbolon", version, after_help = EXIT_CODES, max_term_width = 100)]
#[command(disable_help_subcommand = true)]
pub(crate) struct Arguments {
    /// Print the daemon's answer as JSON; what is meant for people goes to standard error.
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// The D-Bus address of the daemon's bus, instead of the system bus (for tests and demos).
    #[arg(long, global = true, value_name = "ADDRESS", env = "SYMBOLON_BUS")]
    pub(crate) bus: Option<String>,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make an account on this machine with the one-time code of the service's clerk.
    ///
    /// The account is yours alone, or with --group a Unix group's.
    ///
    /// Asks for the code and for two new PINs: PIN1 for logins (4 to 12 digits), PIN2 for
    /// signatures (5 to 12 digits). The keys are made inside the TPM, which takes a while.
    Enrol(Enrol),
    /// List the accounts on this machine.
    Accounts,
    /// List the requests that wait for your answer.
    Pending,
    /// Show requests as they come and go, until interrupted.
    ///
    /// First what waits already, then a line for each event: a request, how it ended, an account
    /// that was enrolled, locked, released or closed. The daemon tells; nothing is asked again and
    /// again. With --json each line is an object whose `event` is `offered`, `agreed`,
    /// `withdrawn`, `accountChanged`, `daemonGone` or `daemonBack`; after the last, what waits is told anew.
    Watch,
    /// Approve a request: compare the code, then type the PIN.
    ///
    /// Shows who asks, for what, and the verification code. Approve only what you began yourself
    /// and only if the relying party shows the same code. Where several members of a group must
    /// approve, only the last is asked for the PIN. Three wrong PINs in a row lock the
    /// account for 3 hours, three more for 24 hours, three more for good.
    Approve(Approve),
    /// Open a device link: log in or sign for the browser that shows it.
    ///
    /// Shows who asks and for what, takes the PIN, and leads the browser back to the relying
    /// party. Open only what you began yourself. A program without a terminal (a browser that
    /// starts this command) leaves the PIN to symbolon-agent and waits for the end.
    Open(Open),
    /// Refuse a request.
    Refuse {
        /// Which: as in `symbolon pending`, whole or its beginning. Without it: the only one.
        id: Option<String>,
        /// You did not start this: somebody else did, in your name. Whoever asked does not reach
        /// you for a while (not even for what you start, except by a device link), and the
        /// service's operator is told.
        #[arg(long)]
        not_mine: bool,
    },
    /// Show the daemon, its services, the accounts and their locks.
    Status,
    /// Manage the PINs.
    #[command(subcommand)]
    Pin(Pin),
    /// Unlock the PKCS#11 token that holds the key shares, with its own PIN.
    ///
    /// For root and for whom the daemon's configuration names, where neither a credential nor a
    /// file has that PIN. The daemon keeps it in memory until it is restarted. From a keyring:
    /// secret-tool lookup application symbolon | symbolon unlock --pin-stdin
    Unlock {
        /// Read the PIN from this file descriptor (one line).
        #[arg(long, value_name = "N")]
        pin_fd: Option<u32>,
        /// Read the PIN from standard input (one line).
        #[arg(long)]
        pin_stdin: bool,
    },
    /// Show what happened to an account on this machine.
    History(History),
    /// Close an account for good: revoke its certificates, destroy its key shares.
    Delete {
        /// The document number.
        document: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Examine TPM, service, bus, agent and accounts, and say what to do about each finding.
    ///
    /// Exits with 1 if something needs doing.
    Doctor,
}

#[derive(Debug, Args)]
pub(crate) struct Enrol {
    /// The service, as named in the daemon's configuration. Without it: the only one.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) service: String,
    /// Make the account for a Unix group instead of for you alone: all its members see it and may
    /// answer, as far as polkit's rules let them, and all must know the PINs. You must be a member,
    /// or root.
    #[arg(long, value_name = "NAME")]
    pub(crate) group: Option<String>,
    /// How many members must approve what is signed: all but the last agree, the last types the
    /// PIN. Set for good.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        requires = "group",
        value_parser = clap::value_parser!(u8).range(1..=i64::from(MOST_APPROVALS))
    )]
    pub(crate) approvals: u8,
    /// What to call this device. Without it: the machine's name.
    #[arg(long, value_name = "NAME")]
    pub(crate) device_name: Option<String>,
    /// Read the one-time code from this file descriptor (one line).
    #[arg(long, value_name = "N")]
    pub(crate) code_fd: Option<u32>,
    /// Read the new PIN1 from this file descriptor (one line).
    #[arg(long, value_name = "N")]
    pub(crate) pin1_fd: Option<u32>,
    /// Read the new PIN2 from this file descriptor (one line).
    #[arg(long, value_name = "N")]
    pub(crate) pin2_fd: Option<u32>,
    /// Read code, PIN1 and PIN2 from standard input, a line each.
    #[arg(long)]
    pub(crate) secrets_stdin: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Approve {
    /// Which: as in `symbolon pending`, whole or its beginning. Without it: the only one, or you
    /// are asked.
    pub(crate) id: Option<String>,
    /// The verification code that the relying party shows: compared with the request's, or chosen
    /// among the three that the request offers. A wrong choice ends the request.
    #[arg(long = "code", value_name = "NNNN")]
    pub(crate) verification_code: Option<VerificationCode>,
    /// Where no PIN is needed, agree without a question: only the signing certificate is asked
    /// for, or other members of the group must still approve. Changes nothing otherwise.
    #[arg(long)]
    pub(crate) consent: bool,
    /// Read the PIN from this file descriptor (one line).
    #[arg(long, value_name = "N", conflicts_with = "pin_stdin")]
    pub(crate) pin_fd: Option<u32>,
    /// Read the PIN from standard input (one line).
    #[arg(long)]
    pub(crate) pin_stdin: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Open {
    /// The link (`https://…/device-link?…`, or the same after `symbolon:`), or `-` to read it from
    /// standard input. Whoever reads the link before it is opened could open it instead of you;
    /// other users of the machine see a command's arguments.
    pub(crate) link: String,
    /// The document number of the account to open it with. Without it: the only account.
    #[arg(long, value_name = "DOCUMENT")]
    pub(crate) account: Option<String>,
    /// Print where the browser has to go on instead of opening it.
    #[arg(long)]
    pub(crate) no_browser: bool,
    /// Where the signing certificate is asked for, which needs no PIN: agree without a question.
    #[arg(long)]
    pub(crate) consent: bool,
    /// Read the PIN from this file descriptor (one line).
    #[arg(long, value_name = "N", conflicts_with = "pin_stdin")]
    pub(crate) pin_fd: Option<u32>,
    /// Read the PIN from standard input (one line, after the link if that comes from there).
    #[arg(long)]
    pub(crate) pin_stdin: bool,
}

#[derive(Debug, Args)]
pub(crate) struct History {
    /// The document number. Without it: the only account.
    pub(crate) document: Option<String>,
    /// How many entries, the newest first.
    #[arg(long, default_value_t = 20)]
    pub(crate) limit: u32,
    /// Print the whole record, oldest first, one JSON object a line; `--verify --file` reads it.
    #[arg(long, conflicts_with = "verify")]
    pub(crate) export: bool,
    /// Look whether an entry is missing or was changed; exits with 12 if so.
    ///
    /// Whoever can write the daemon's files can write the whole record anew. Note the head that
    /// is printed in another place from time to time and give it with --head: then the record must
    /// lead through it.
    #[arg(long)]
    pub(crate) verify: bool,
    /// A head that was noted elsewhere; finds entries that were cut off at the end as well.
    #[arg(long, value_name = "HASH", requires = "verify")]
    pub(crate) head: Option<ChainHash>,
    /// Verify this export instead of the daemon's record; needs no daemon.
    #[arg(
        long,
        value_name = "FILE",
        requires = "verify",
        conflicts_with = "document"
    )]
    pub(crate) file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Pin {
    /// Change a PIN. The old one counts like any other try.
    Change(ChangePin),
}

#[derive(Debug, Args)]
pub(crate) struct ChangePin {
    /// Which PIN.
    #[arg(value_enum)]
    pub(crate) which: WhichPin,
    /// The document number. Without it: the only account.
    pub(crate) document: Option<String>,
    /// Read the old PIN from this file descriptor (one line).
    #[arg(long, value_name = "N")]
    pub(crate) old_fd: Option<u32>,
    /// Read the new PIN from this file descriptor (one line).
    #[arg(long, value_name = "N")]
    pub(crate) new_fd: Option<u32>,
    /// Read the old and the new PIN from standard input, a line each.
    #[arg(long)]
    pub(crate) pins_stdin: bool,
}

/// One of an account's two PINs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WhichPin {
    /// For logins.
    Pin1,
    /// For signatures.
    Pin2,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn no_option_takes_a_secret_itself() {
        fn walk(command: &clap::Command) {
            for argument in command.get_arguments() {
                let name = argument.get_id().as_str();
                let secret =
                    name.contains("pin") || name.contains("code") || name.contains("secret");
                let by_reference = name.ends_with("_fd") || name.ends_with("_stdin");
                // Two screens show it.
                let is_public = name == "verification_code";
                assert!(!secret || by_reference || is_public, "{name}");
            }
            command.get_subcommands().for_each(walk);
        }
        walk(&Arguments::command());
    }
}
