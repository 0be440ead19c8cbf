//! Who is in a group by the machine's list of users, as that stands now.
//!
//! A process keeps the groups that it began with until it ends. Who was taken out of a group would
//! stay in it as long as their session lasts, and whatever they left running there.

use std::ffi::CString;
use std::time::Duration;

use nix::unistd::{Gid, Uid, User, getgrouplist};

/// Longer than any list of users takes that is in order, a directory's of the network too.
const LOOK_UP: Duration = Duration::from_secs(2);

/// Why it cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unknown(String);

/// Whether a user is in a group, both by number. Nobody is who is not in the list.
pub(crate) async fn is_listed(uid: u32, group: u32) -> Result<bool, Unknown> {
    let look_up = tokio::task::spawn_blocking(move || groups_of(uid));
    let groups = match tokio::time::timeout(LOOK_UP, look_up).await {
        Ok(Ok(groups)) => groups?,
        Ok(Err(error)) => return Err(Unknown(error.to_string())),
        Err(_) => {
            let seconds = LOOK_UP.as_secs();
            return Err(Unknown(format!("it did not answer within {seconds} s")));
        }
    };
    Ok(groups.contains(&Gid::from_raw(group)))
}

fn groups_of(uid: u32) -> Result<Vec<Gid>, Unknown> {
    let unknown = |error: nix::Error| Unknown(error.to_string());
    let Some(user) = User::from_uid(Uid::from_raw(uid)).map_err(unknown)? else {
        return Ok(Vec::new());
    };
    let name = CString::new(user.name).map_err(|error| Unknown(error.to_string()))?;
    getgrouplist(&name, user.gid).map_err(unknown)
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
