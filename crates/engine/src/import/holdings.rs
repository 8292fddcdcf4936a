//! Keys and devices of one user, read by themselves: where changes of ours are younger than the credential report.

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
            last_used_at: row.and_then(|row| last_used(row, entry.created_at)),
        };
        let mut keys: Vec<AccessKey> = listed.iter().map(key).collect();
        keys.sort_by_key(|key| key.created_at);
        self.access_keys = Some(keys);
        self.by_id = Some(listed.into_iter().map(|entry| (entry.credential.id, entry.active)).collect());
    }
}

fn last_used(row: &CredentialReportRow, created_at: Option<jiff::Timestamp>) -> Option<jiff::Timestamp> {
    let second = created_at?.as_second();
    let same = |key: &&AccessKey| key.created_at.is_some_and(|at| at.as_second() == second);
    row.access_keys.as_ref()?.iter().find(same)?.last_used_at
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
