//! The person at the service's command line.

use std::fmt;

/// Who runs this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operator {
    uid: u32,
    login: Option<u32>,
}

impl Operator {
    /// The real user, and as whom that person logged in, where the kernel knows it
    /// (`/proc/self/loginuid`): `sudo` changes the one and not the other.
    pub fn of_this_process() -> Self {
        Self {
            uid: rustix::process::getuid().as_raw(),
            login: std::fs::read_to_string("/proc/self/loginuid")
                .ok()
                .and_then(|text| login_of(&text)),
        }
    }
}

/// The kernel writes -1 for "nobody logged in".
fn login_of(text: &str) -> Option<u32> {
    text.trim().parse().ok().filter(|uid| *uid != u32::MAX)
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "uid {}", self.uid)?;
        match self.login {
            Some(login) if login != self.uid => write!(f, ", logged in as uid {login}"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_is_told_by_both_numbers_where_they_differ() {
        for (uid, loginuid, told) in [
            (0, "1000\n", "uid 0, logged in as uid 1000"),
            (1000, "1000", "uid 1000"),
            (0, "4294967295", "uid 0"),
            (0, "", "uid 0"),
        ] {
            let login = login_of(loginuid);
            assert_eq!(Operator { uid, login }.to_string(), told);
        }
    }
}
