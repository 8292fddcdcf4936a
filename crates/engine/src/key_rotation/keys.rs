//! The keys of a user, and which of them are ours.

use jiff::{SignedDuration, Timestamp};
use keyreeve_connector::{AccountCredentialEntry, Connector, Error, Next, Provisioning};
use keyreeve_model::{AccountCredential, AccountCredentialKind, StepCall};

use super::patience::Patience;
use super::{RotationError, Rotator};

/// AWS refuses requests whose time is more than this off, so a key of our making is no older than that by our clock.
const SKEW: SignedDuration = SignedDuration::from_mins(5);
/// And no younger than the longest that a request may be under way, and that.
const LATE: SignedDuration = SignedDuration::from_mins(10);

/// The name of the user, of an ARN like `arn:aws:iam::123456789012:user/path/name`.
pub(super) fn user_name(arn: &str) -> Option<&str> {
    let (_, resource) = arn.split_once(":user/")?;
    resource.rsplit('/').next().filter(|name| !name.is_empty())
}

/// Keys that were not there before the new one was made, and can be it: its secret is lost.
pub(super) fn lost<'a>(
    keys: &'a [AccountCredentialEntry],
    before: &[String],
    making_since: Timestamp,
) -> Vec<&'a AccountCredentialEntry> {
    let ours = |key: &&AccountCredentialEntry| {
        let in_time = key.created_at.is_some_and(|created| {
            created >= making_since.saturating_sub(SKEW).unwrap_or(Timestamp::MIN)
                && created <= making_since.saturating_add(LATE).unwrap_or(Timestamp::MAX)
        });
        in_time && !before.contains(&key.credential.id)
    };
    keys.iter().filter(ours).collect()
}

/// The key beside the one in use.
pub(super) fn second<'a>(
    keys: &'a [AccountCredentialEntry],
    in_use: &str,
) -> Option<&'a AccountCredentialEntry> {
    keys.iter().find(|key| key.credential.id != in_use)
}

pub(super) fn ids(keys: &[AccountCredentialEntry]) -> Vec<String> {
    keys.iter().map(|key| key.credential.id.clone()).collect()
}

pub(super) fn provisioning(connector: &dyn Connector) -> Result<&dyn Provisioning, RotationError> {
    connector.provisioning().ok_or(RotationError::NoProvisioning)
}

fn access_key(id: &str) -> AccountCredential {
    AccountCredential { kind: AccountCredentialKind::AccessKey, id: id.to_owned() }
}

impl Rotator<'_> {
    /// All keys of a user.
    pub(super) async fn list(
        &self,
        provisioning: &dyn Provisioning,
        user: &str,
        settles: bool,
    ) -> Result<Vec<AccountCredentialEntry>, Error> {
        let mut patience = self.settling.patience();
        let (mut keys, mut after) = (Vec::new(), None);
        loop {
            match provisioning.list_credentials(user, AccountCredentialKind::AccessKey, after.as_ref()).await
            {
                Ok(page) => {
                    keys.extend(page.items);
                    match page.next {
                        Next::More(marker) => after = Some(marker),
                        Next::End | Next::MarkerMissing => return Ok(keys),
                    }
                }
                Err(error) if patience.may_repeat(&error, settles, true).await => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) async fn delete(
        &self,
        provisioning: &dyn Provisioning,
        user: &str,
        id: &str,
        settles: bool,
    ) -> Result<(), Error> {
        let call = StepCall::DeleteCredential { account: user.to_owned(), credential: access_key(id) };
        self.repeat(provisioning, &call, settles, &mut self.settling.patience()).await
    }

    pub(super) async fn switch_off(
        &self,
        provisioning: &dyn Provisioning,
        user: &str,
        id: &str,
    ) -> Result<(), Error> {
        let call =
            StepCall::SetCredential { account: user.to_owned(), credential: access_key(id), active: false };
        self.repeat(provisioning, &call, true, &mut self.settling.patience()).await
    }

    /// A call that does the same when it is made twice.
    async fn repeat(
        &self,
        provisioning: &dyn Provisioning,
        call: &StepCall,
        settles: bool,
        patience: &mut Patience,
    ) -> Result<(), Error> {
        loop {
            match provisioning.perform(call, None).await {
                Ok(_) => return Ok(()),
                Err(error) if patience.may_repeat(&error, settles, true).await => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_named_by_the_end_of_its_arn() {
        assert_eq!(user_name("arn:aws:iam::123456789012:user/keyreeve/connector"), Some("connector"));
        assert_eq!(user_name("arn:aws-cn:iam::123456789012:user/x"), Some("x"));
        for no_user in ["arn:aws:iam::123456789012:root", "arn:aws:sts::123456789012:assumed-role/r/s"] {
            assert_eq!(user_name(no_user), None, "{no_user}");
        }
    }

    #[test]
    fn only_a_key_that_can_be_ours_is_taken_for_lost() {
        let at = |second: i64| Timestamp::from_second(1_000_000 + second).unwrap();
        let key = |id: &str, made| AccountCredentialEntry {
            credential: access_key(id),
            active: true,
            created_at: made,
        };
        let keys = [
            key("before", Some(at(0))),
            key("ours", Some(at(1))),
            key("much later", Some(at(3600))),
            key("long ago", Some(at(-3600))),
            key("undated", None),
        ];
        let found: Vec<_> =
            lost(&keys, &["before".to_owned()], at(0)).iter().map(|key| key.credential.id.clone()).collect();
        assert_eq!(found, ["ours"]);
    }
}
