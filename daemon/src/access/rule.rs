//! The rule, without I/O. An account has one owner, a user or a group. A user's own account is
//! nobody else's business, and polkit is not asked. For a group's account membership is the outer
//! bound, and polkit decides within it.

/// Whose an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// One user's, by number.
    User(u32),
    /// All members' of a Unix group, by number. Who enrolled it has no more say than the others.
    Group(u32),
}

/// What somebody wants to do with an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Know of it: its state, its history, what waits.
    See,
    /// Answer what waits: approve, agree, refuse, take up a link.
    Answer,
    /// Change one of its PINs.
    ChangePin,
    /// Close it for good.
    Delete,
    /// Make an account for the group.
    Enrol,
}

/// What polkit decides, as its policy file names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// To see a group's accounts.
    See,
    /// To answer what waits for them.
    Approve,
    /// To make, to close, and to change PINs.
    Administer,
}

/// What the rule says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ruling {
    /// They may.
    Allowed,
    /// They may if polkit says so too.
    Asked(Action),
    /// They may not.
    Denied,
    /// They may not, and may not know that there is such an account.
    Unseen,
}

impl Action {
    /// Its name in polkit.
    pub fn id(self) -> &'static str {
        match self {
            Self::See => "org.symbolon.Symbolon1.see",
            Self::Approve => "org.symbolon.Symbolon1.approve",
            Self::Administer => "org.symbolon.Symbolon1.administer",
        }
    }
}

/// Whether the user `uid`, in these groups, may do this.
pub(crate) fn rule(owner: Owner, uid: u32, groups: &[u32], act: Act) -> Ruling {
    let is_root = uid == 0;
    match owner {
        Owner::User(owner) if owner == uid => Ruling::Allowed,
        // What root could do anyway. An answer in a person's name is not among it.
        Owner::User(_) if is_root => match act {
            Act::See | Act::Delete => Ruling::Allowed,
            Act::Answer | Act::ChangePin | Act::Enrol => Ruling::Denied,
        },
        Owner::User(_) => Ruling::Unseen,
        Owner::Group(_) if is_root && act != Act::Answer => Ruling::Allowed,
        Owner::Group(group) if groups.contains(&group) => Ruling::Asked(match act {
            Act::See => Action::See,
            Act::Answer => Action::Approve,
            Act::ChangePin | Act::Delete | Act::Enrol => Action::Administer,
        }),
        Owner::Group(_) if is_root => Ruling::Denied,
        Owner::Group(_) => Ruling::Unseen,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACTS: [Act; 5] = [
        Act::See,
        Act::Answer,
        Act::ChangePin,
        Act::Delete,
        Act::Enrol,
    ];

    /// `+` allowed, `-` denied, `.` unseen; `s`, `a` and `m`: polkit is asked for see, approve
    /// and administer.
    fn letter(ruling: Ruling) -> char {
        match ruling {
            Ruling::Allowed => '+',
            Ruling::Denied => '-',
            Ruling::Unseen => '.',
            Ruling::Asked(Action::See) => 's',
            Ruling::Asked(Action::Approve) => 'a',
            Ruling::Asked(Action::Administer) => 'm',
        }
    }

    #[test]
    fn who_may_do_what_is_this_table() {
        let (own, group) = (Owner::User(1000), Owner::Group(50));
        for (owner, uid, groups, row) in [
            // See, answer, change PIN, delete, enrol.
            (own, 1000, &[1000, 50][..], "+++++"),
            (own, 1001, &[1001, 1000], "....."),
            (own, 0, &[0], "+--+-"),
            // A user's number is no group's.
            (Owner::User(50), 1001, &[50], "....."),
            (group, 50, &[1001], "....."),
            (group, 1001, &[1001, 50], "sammm"),
            (group, 1001, &[50], "sammm"),
            (group, 1001, &[1001], "....."),
            (group, 1001, &[], "....."),
            (group, 0, &[0], "+-+++"),
            // Root as a colleague answers like one.
            (group, 0, &[0, 50], "+a+++"),
            (Owner::Group(0), 0, &[0], "+a+++"),
            (Owner::User(0), 0, &[0], "+++++"),
            (Owner::User(0), 1001, &[0], "....."),
        ] {
            let told: String = ACTS
                .into_iter()
                .map(|act| letter(rule(owner, uid, groups, act)))
                .collect();
            assert_eq!(told, row, "{owner:?} {uid} {groups:?}");
        }
    }
}
