//! The machine's list of users, as it stands now: what somebody is called, and who is in a group.
//!
//! A process keeps the groups that it began with until it ends. Who was taken out of a group would
//! stay in it as long as their session lasts, and whatever they left running there.

use std::ffi::CString;
use std::time::Duration;

use nix::unistd::{Gid, Uid, User as Listed, getgrouplist};
use symbolon_protocol::display_text::DisplayText;

use crate::bus::messages::User;

/// Longer than any list of users takes that is in order, a directory's of the network too.
const LOOK_UP: Duration = Duration::from_secs(2);

/// Why it cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unknown(String);

/// A user of this machine, without a name if there is none, or the list does not answer.
pub(crate) async fn user(uid: u32) -> User {
    let found = look_up(move || listed(uid)).await.ok().flatten();
    User {
        uid,
        name: found.map(|user| DisplayText::name(&user.name).as_str().to_owned()),
    }
}

/// Whether a user is in a group, both by number. Nobody is who is not in the list.
pub(crate) async fn is_listed(uid: u32, group: u32) -> Result<bool, Unknown> {
    let groups = look_up(move || groups_of(uid)).await?;
    Ok(groups.contains(&Gid::from_raw(group)))
}

/// The list may be a file, or a directory on the network.
async fn look_up<T: Send + 'static>(
    question: impl FnOnce() -> Result<T, Unknown> + Send + 'static,
) -> Result<T, Unknown> {
    match tokio::time::timeout(LOOK_UP, tokio::task::spawn_blocking(question)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => Err(Unknown(error.to_string())),
        Err(_) => {
            let seconds = LOOK_UP.as_secs();
            Err(Unknown(format!("it did not answer within {seconds} s")))
        }
    }
}

fn listed(uid: u32) -> Result<Option<Listed>, Unknown> {
    Listed::from_uid(Uid::from_raw(uid)).map_err(unknown)
}

fn groups_of(uid: u32) -> Result<Vec<Gid>, Unknown> {
    let Some(user) = listed(uid)? else {
        return Ok(Vec::new());
    };
    let name = CString::new(user.name).map_err(|error| Unknown(error.to_string()))?;
    getgrouplist(&name, user.gid).map_err(unknown)
}

fn unknown(error: nix::Error) -> Unknown {
    Unknown(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn root_is_in_roots_group_and_nobody_in_it_besides() {
        assert_eq!(is_listed(0, 0).await, Ok(true));
        assert_eq!(is_listed(0, 4_000_000_000).await, Ok(false));
        assert_eq!(is_listed(4_000_000_000, 0).await, Ok(false));
    }
}
