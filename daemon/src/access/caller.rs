//! Who asks.

use super::polkit::{Details, Subject};
use super::rule::{Act, Action, Owner, Ruling, rule};
use super::users::{is_listed, user};
use crate::bus::fault::{Fault, FaultKind};
use crate::bus::messages::User;

/// Who asks: a user of this machine, on a connection to the bus.
#[derive(Clone)]
pub struct Caller {
    /// The user's number.
    pub uid: u32,
    /// Their name, if it was looked up already.
    pub name: Option<String>,
    /// The groups that their process was in when it connected, by number, as the kernel told the
    /// bus. They count for what is in the machine's list of users too ([`is_listed`]).
    pub groups: Vec<u32>,
    /// How polkit is asked about them; without it nothing that polkit decides is allowed.
    pub subject: Option<Subject>,
}

/// Whether somebody may know of an account.
pub(crate) enum Sight {
    /// They may.
    Seen,
    /// They may not.
    Unseen,
    /// Nobody could decide; why.
    Undecided(Fault),
}

impl Caller {
    /// Whether it is the machine's administrator.
    pub(crate) fn is_root(&self) -> bool {
        self.uid == 0
    }

    /// With the user's name, if the machine's list of users has one.
    pub(crate) async fn user(&self) -> User {
        match &self.name {
            Some(name) => User {
                uid: self.uid,
                name: Some(name.clone()),
            },
            None => user(self.uid).await,
        }
    }

    /// Whether they may know of an account. Nobody is asked to authenticate for that.
    pub(crate) async fn sight(&self, owner: Owner, details: &Details) -> Sight {
        match self.ruling(owner, Act::See).await {
            Err(fault) => Sight::Undecided(fault),
            Ok(Ruling::Allowed) => Sight::Seen,
            Ok(Ruling::Denied | Ruling::Unseen) => Sight::Unseen,
            Ok(Ruling::Asked(action)) => {
                let subject = self.subject.as_ref().map(Subject::quietly);
                match ask(subject.as_ref(), action, details).await {
                    Ok(None) => Sight::Seen,
                    Ok(Some(_)) => Sight::Unseen,
                    Err(fault) => Sight::Undecided(fault),
                }
            }
        }
    }

    /// Whether they may do this, or polkit may say so, as far as that can be told without asking
    /// anybody.
    pub(crate) fn might(&self, owner: Owner, act: Act) -> bool {
        matches!(
            rule(owner, self.uid, &self.groups, act),
            Ruling::Allowed | Ruling::Asked(_)
        )
    }

    /// Fails if they may not do this.
    pub(crate) async fn require(
        &self,
        owner: Owner,
        act: Act,
        details: &Details,
    ) -> Result<(), Fault> {
        match self.ruling(owner, act).await? {
            Ruling::Allowed => Ok(()),
            Ruling::Denied | Ruling::Unseen => Err(not_theirs(owner)),
            Ruling::Asked(action) => match ask(self.subject.as_ref(), action, details).await? {
                None => Ok(()),
                Some(refusal) => Err(refusal),
            },
        }
    }

    /// The rule, with the groups that they are in now. Only where it is by a group that they would
    /// be let is the list of users asked: nobody's own account waits for that.
    async fn ruling(&self, owner: Owner, act: Act) -> Result<Ruling, Fault> {
        let ruling = rule(owner, self.uid, &self.groups, act);
        let (Owner::Group(group), Ruling::Asked(_)) = (owner, ruling) else {
            return Ok(ruling);
        };
        match is_listed(self.uid, group).await {
            Ok(true) => Ok(ruling),
            Ok(false) => Ok(rule(owner, self.uid, &[], act)),
            Err(unknown) => Err(Fault::with_remedy(
                FaultKind::NotAuthorized,
                format!("the machine's list of users and groups cannot be read: {unknown}"),
                "try again, or ask an administrator",
            )),
        }
    }
}

/// polkit's refusal, if it refuses. The error says why it could not be asked.
async fn ask(
    subject: Option<&Subject>,
    action: Action,
    details: &Details,
) -> Result<Option<Fault>, Fault> {
    let Some(subject) = subject else {
        return Err(Fault::new(
            FaultKind::NotAuthorized,
            "polkit decides about a group's accounts, and there is no bus to ask it on",
        ));
    };
    Ok(subject.ask(action, details).await?.refusal(action))
}

fn not_theirs(owner: Owner) -> Fault {
    match owner {
        Owner::User(_) => Fault::with_remedy(
            FaultKind::NotAuthorized,
            "the account belongs to another user of this machine",
            "only its owner may do this",
        ),
        Owner::Group(_) => Fault::with_remedy(
            FaultKind::NotAuthorized,
            "you are not in the group",
            "only its members may do this; who was added just now must log in anew",
        ),
    }
}
