//! Keys and devices of one user, read by themselves: where changes of ours are younger than the credential report.

use jiff::Timestamp;
use keyreeve_connector::{
    AccountCredentialEntry, AccountEntry, AccountFacts, CredentialReportRow, Error, Marker, Next, Page,
    PointRead, Provisioning,
};
use keyreeve_model::{AccessKey, AccountCredentialKind, CollectionName, PermissionProfile};

use super::claimed::Wanted;
use super::credentials::Held;
use super::reader::{ReadError, Reader};

/// A user has two keys and eight devices at most, so a listing of more pages is none of theirs.
const PAGES: usize = 10;

/// What may be read of users by themselves.
#[derive(Clone, Copy)]
pub(crate) struct Holdings<'a> {
    reads: Option<&'a dyn Provisioning>,
    profile: PermissionProfile,
}

impl<'a> Holdings<'a> {
    pub(crate) fn new(reads: Option<&'a dyn Provisioning>, profile: PermissionProfile) -> Self {
        Self { reads, profile }
    }

    /// What is wanted of a user, as far as it may be read. When a key was last used only the report tells, and that
    /// holds on.
    pub(crate) async fn read(
        &self,
        reader: &Reader<'_>,
        user: &AccountEntry,
        row: Option<&CredentialReportRow>,
        wanted: Wanted,
    ) -> Held {
        let Some(reads) = self.reads else { return Held::default() };
        let (kind, name) = (AccountCredentialKind::AccessKey, user.name.as_str());
        let mut held = Held::default();
        if wanted.keys && self.permits(reads, PointRead::Credentials(kind)) {
            let listed = all(reader, async |after| reads.list_credentials(name, kind, after.as_ref()).await);
            if let Ok(listed) = listed.await {
                held.take_keys(listed, row);
            }
        }
        if wanted.devices && self.permits(reads, PointRead::MfaDevices) {
            let listed = all(reader, async |after| reads.list_mfa_devices(name, after.as_ref()).await);
            held.devices = listed.await.ok().map(|found| found.into_iter().map(|one| one.serial).collect());
        }
        if wanted.boundary && self.permits(reads, PointRead::AccountFacts) {
            let asked = reader.call(Some(CollectionName::LoginProfiles), || reads.get_account_facts(name));
            let same = |facts: &AccountFacts| facts.entry.external_id == user.external_id;
            held.boundary = asked.await.ok().flatten().filter(same).map(|facts| facts.permissions_boundary);
        }
        held
    }

    fn permits(&self, reads: &dyn Provisioning, read: PointRead) -> bool {
        reads.lacks(self.profile, &[reads.read_needs(read)]).is_empty()
    }
}

impl Held {
    fn take_keys(&mut self, listed: Vec<AccountCredentialEntry>, row: Option<&CredentialReportRow>) {
        let key = |entry: &AccountCredentialEntry| AccessKey {
            active: entry.active,
            created_at: entry.created_at,
            last_used_at: None,
        };
        let mut keys: Vec<AccessKey> = listed.iter().map(key).collect();
        take_last_use(&mut keys, row.and_then(|row| row.access_keys.as_deref()).unwrap_or_default());
        keys.sort_by_key(|key| key.created_at);
        self.access_keys = Some(keys);
        self.by_id = Some(listed.into_iter().map(|entry| (entry.credential.id, entry.active)).collect());
    }
}

/// Takes over when keys were last used from what is told of the same user's keys, where that is not known. A key that is
/// told of has no id: it is known by the second in which it was made.
pub(super) fn take_last_use(keys: &mut [AccessKey], told: &[AccessKey]) {
    let all = keys.to_vec();
    for key in keys.iter_mut().filter(|key| key.last_used_at.is_none()) {
        key.last_used_at = last_used(key, &all, told);
    }
}

/// Keys of one second are told apart by whether they are accepted; where that does not do, it is not known which of them was
/// used, unless the same is told of all.
fn last_used(key: &AccessKey, all: &[AccessKey], told: &[AccessKey]) -> Option<Timestamp> {
    let second = key.created_at?.as_second();
    let of_second = |other: &&AccessKey| other.created_at.is_some_and(|at| at.as_second() == second);
    let alike = |other: &&AccessKey| of_second(other) && other.active == key.active;
    let (these, those) = (all.iter().filter(of_second).count(), told.iter().filter(of_second).count());
    let mut found = told.iter().filter(of_second);
    let first = found.next()?;
    if these == those && found.all(|other| other.last_used_at == first.last_used_at) {
        return first.last_used_at;
    }
    let mut found = told.iter().filter(alike);
    let only = found.next().filter(|_| found.next().is_none())?;
    (all.iter().filter(alike).count() == 1).then_some(only.last_used_at)?
}

/// All pages of a short listing.
async fn all<T>(
    reader: &Reader<'_>,
    list: impl AsyncFn(Option<Marker>) -> Result<Page<T>, Error>,
) -> Result<Vec<T>, ReadError> {
    let (mut items, mut after) = (Vec::new(), None::<Marker>);
    for _ in 0..PAGES {
        let page = reader.call(Some(CollectionName::LoginProfiles), || list(after.clone())).await?;
        reader.check_account(&page.account_ids);
        items.extend(page.items);
        match page.next {
            Next::End => return Ok(items),
            Next::More(marker) => after = Some(marker),
            Next::MarkerMissing => break,
        }
    }
    Err(ReadError::Broken("a listing of one user's keys or devices does not end".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(active: bool, second: i64, used: Option<i64>) -> AccessKey {
        let at = |second| Timestamp::from_second(second).unwrap();
        AccessKey { active, created_at: Some(at(second)), last_used_at: used.map(at) }
    }

    #[test]
    fn keys_of_one_second_are_told_apart_or_their_last_use_is_unknown() {
        let used = |keys: &[(bool, i64)], told: &[AccessKey]| -> Vec<Option<i64>> {
            let mut keys: Vec<AccessKey> =
                keys.iter().map(|(active, second)| key(*active, *second, None)).collect();
            take_last_use(&mut keys, told);
            keys.iter().map(|key| key.last_used_at.map(Timestamp::as_second)).collect()
        };
        let told = [key(true, 1, Some(8)), key(false, 2, Some(9))];
        assert_eq!(used(&[(false, 2), (false, 1)], &told), [Some(9), Some(8)], "by the second alone");
        let told = [key(true, 1, Some(8)), key(false, 1, None)];
        assert_eq!(used(&[(false, 1), (true, 1)], &told), [None, Some(8)], "by whether they are accepted");
        let told = [key(true, 1, Some(8)), key(true, 1, Some(9))];
        assert_eq!(used(&[(true, 1), (true, 1)], &told), [None, None], "nobody knows which");
        assert_eq!(used(&[(true, 1)], &told), [None], "one of them is gone, nobody knows which");
        let told = [key(true, 1, Some(8)), key(true, 1, Some(8))];
        assert_eq!(used(&[(true, 1), (false, 1)], &told), [Some(8), Some(8)], "both were used then");
    }
}
