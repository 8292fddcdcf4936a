//! The difference between two inventories: pure, and the only place that decides what a change is.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::Hash;

use crate::inventory::order_of;
use crate::{
    Account, AccountStatus, Assignment, AssignmentKey, Change, ChangeSet, ExternalId, Inventory,
    LoginProfileState, Resource,
};

/// What turns `before` into `after`, each list sorted by name, then external id.
///
/// Objects are the same when their key is: accounts and resources by external id, assignments by
/// [`AssignmentKey`]. The run numbers an object carries and the age of its credentials' reading are not part of
/// it: an object that was only seen again has not changed.
#[must_use]
pub fn difference(before: Inventory, after: Inventory) -> ChangeSet {
    let mut changes = ChangeSet {
        accounts: changes_between(before.accounts, after.accounts),
        resources: changes_between(before.resources, after.resources),
        assignments: changes_between(before.assignments, after.assignments),
    };
    let by_name = |one: &Account, other: &Account| {
        (&one.name, &one.external_id).cmp(&(&other.name, &other.external_id))
    };
    changes.accounts.sort_unstable_by(|a, b| by_name(a.object(), b.object()));
    let by_name = |one: &Resource, other: &Resource| {
        (&one.name, &one.external_id).cmp(&(&other.name, &other.external_id))
    };
    changes.resources.sort_unstable_by(|a, b| by_name(a.object(), b.object()));
    changes.assignments.sort_unstable_by(|a, b| order_of(a.object()).cmp(&order_of(b.object())));
    changes
}

/// Something that can be compared with its earlier self.
pub trait Compare: Sized {
    /// What makes it the same object.
    type Key: Eq + Hash;

    /// Its key.
    fn comparison_key(&self) -> Self::Key;

    /// An order of keys, without making them.
    fn compare_keys(&self, other: &Self) -> Ordering;

    /// The key it had while part of it was unknown, if that was another one.
    fn unresolved_key(&self) -> Option<Self::Key> {
        None
    }

    /// The names of the fields that differ, as in the JSON contract; empty when nothing does.
    fn differing_fields(&self, later: &Self) -> Vec<String>;

    /// Whether a field that differs was merely unknown on one side, so that nobody needs to have changed it.
    fn differs_in_sight(&self, later: &Self, field: &str) -> bool;
}

fn changes_between<T: Compare>(before: Vec<T>, after: Vec<T>) -> Vec<Change<T>> {
    if before.is_empty() {
        return after.into_iter().map(|after| Change::Created { after }).collect();
    }
    let mut changes = Vec::new();
    let (mut gone, mut new) = (Vec::new(), Vec::new());
    for pair in pairs(before, after) {
        match pair {
            Pair { before: Some(before), after: Some(after) } => changes.extend(changed(before, after)),
            Pair { before, after } => {
                gone.extend(before);
                new.extend(after);
            }
        }
    }
    // What was known by less than its key now is.
    let mut gone: HashMap<T::Key, T> =
        gone.into_iter().map(|object| (object.comparison_key(), object)).collect();
    for after in new {
        match after.unresolved_key().and_then(|key| gone.remove(&key)) {
            None => changes.push(Change::Created { after }),
            Some(before) => changes.extend(changed(before, after)),
        }
    }
    changes.extend(gone.into_values().map(|before| Change::Deleted { before }));
    changes
}

fn changed<T: Compare>(before: T, after: T) -> Option<Change<T>> {
    let fields = before.differing_fields(&after);
    (!fields.is_empty()).then(|| Change::Changed { before: Box::new(before), after, fields })
}

/// What has the same key on both sides, or is on one side alone.
struct Pair<T> {
    before: Option<T>,
    after: Option<T>,
}

/// Pairs by sorting in place: a large account is twice in memory here, and a table of its keys would be a third.
fn pairs<T: Compare>(mut before: Vec<T>, mut after: Vec<T>) -> impl Iterator<Item = Pair<T>> {
    before.sort_unstable_by(T::compare_keys);
    after.sort_unstable_by(T::compare_keys);
    let (mut before, mut after) = (before.into_iter().peekable(), after.into_iter().peekable());
    std::iter::from_fn(move || {
        let order = match (before.peek(), after.peek()) {
            (Some(one), Some(other)) => one.compare_keys(other),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return None,
        };
        Some(Pair {
            before: if order.is_le() { before.next() } else { None },
            after: if order.is_ge() { after.next() } else { None },
        })
    })
}

/// Collects the names of fields that differ.
macro_rules! differing {
    ($before:expr, $after:expr, $($field:ident $(as $name:literal)?),+ $(,)?) => {{
        let mut fields: Vec<String> = Vec::new();
        $(if $before.$field != $after.$field {
            fields.push(differing!(@name $field $($name)?).to_owned());
        })+
        fields
    }};
    (@name $field:ident $name:literal) => { $name };
    (@name $field:ident) => { stringify!($field) };
}

impl Compare for Account {
    type Key = ExternalId;

    fn comparison_key(&self) -> ExternalId {
        self.external_id.clone()
    }

    fn compare_keys(&self, other: &Self) -> Ordering {
        self.external_id.cmp(&other.external_id)
    }

    fn differing_fields(&self, later: &Self) -> Vec<String> {
        let mut fields = differing!(
            self,
            later,
            name,
            path,
            arn,
            created_at,
            password_last_used_at,
            tags,
            permissions_boundary,
            inline_policies,
        );
        fields.extend(differing_credentials(self, later).into_iter().map(str::to_owned));
        fields
    }

    /// Tags, boundary and inline policies come in one answer; a boundary that is none and one that was not read are
    /// told apart by the tags.
    fn differs_in_sight(&self, later: &Self, field: &str) -> bool {
        match field {
            "tags" | "permissions_boundary" => self.tags.is_none() || later.tags.is_none(),
            "inline_policies" => self.inline_policies.is_none() || later.inline_policies.is_none(),
            // What both readings knew of them and was different has a field of its own.
            "credentials" => true,
            "mfa_active" => self.mfa_active.is_none() || later.mfa_active.is_none(),
            "access_keys" => self.access_keys.is_none() || later.access_keys.is_none(),
            _ => false,
        }
    }
}

/// How the credentials differ. When both readings were of the same kind every difference is one. When they were
/// not (the report was denied this time, a profile was changed), one knows what the other could not, and only
/// what both know and contradict is a change of the account; the rest is a change of sight: `credentials`.
fn differing_credentials(before: &Account, after: &Account) -> Vec<&'static str> {
    let mut fields = Vec::new();
    let same_sight = before.credentials.source == after.credentials.source;
    if !same_sight {
        fields.push("credentials");
    }
    let (status, login) = (|a: &Account| a.status, |a: &Account| a.login_profile.state);
    let both_know = status(before) != AccountStatus::Unknown && status(after) != AccountStatus::Unknown;
    if status(before) != status(after) && (same_sight || both_know) {
        fields.push("status");
    }
    let both_know = login(before) != LoginProfileState::Unknown && login(after) != LoginProfileState::Unknown;
    if (same_sight && before.login_profile != after.login_profile)
        || (both_know && login(before) != login(after))
    {
        fields.push("login_profile");
    }
    let both_know = before.mfa_active.is_some() && after.mfa_active.is_some();
    if before.mfa_active != after.mfa_active && (same_sight || both_know) {
        fields.push("mfa_active");
    }
    let both_know = before.access_keys.is_some() && after.access_keys.is_some();
    if before.access_keys != after.access_keys && (same_sight || both_know) {
        fields.push(differing_keys(before, after));
    }
    fields
}

/// A key that was merely used is told apart from keys that really changed.
fn differing_keys(before: &Account, after: &Account) -> &'static str {
    let without_use = |account: &Account| {
        account
            .access_keys
            .as_ref()
            .map(|keys| keys.iter().map(|key| (key.active, key.created_at)).collect::<Vec<_>>())
    };
    if without_use(before) == without_use(after) { "access_keys.last_used_at" } else { "access_keys" }
}

impl Compare for Resource {
    type Key = ExternalId;

    fn comparison_key(&self) -> ExternalId {
        self.external_id.clone()
    }

    fn compare_keys(&self, other: &Self) -> Ordering {
        self.external_id.cmp(&other.external_id)
    }

    fn differing_fields(&self, later: &Self) -> Vec<String> {
        differing!(
            self,
            later,
            kind as "type",
            name,
            path,
            arn,
            managed_by,
            attachable,
            inline_policies,
            default_version
        )
    }

    fn differs_in_sight(&self, later: &Self, field: &str) -> bool {
        match field {
            "inline_policies" => self.inline_policies.is_none() || later.inline_policies.is_none(),
            "default_version" => self.default_version.is_none() || later.default_version.is_none(),
            _ => false,
        }
    }
}

impl Compare for Assignment {
    type Key = AssignmentKey;

    fn comparison_key(&self) -> AssignmentKey {
        self.key()
    }

    fn compare_keys(&self, other: &Self) -> Ordering {
        (&self.subject_external_id, self.kind, self.resource_key()).cmp(&(
            &other.subject_external_id,
            other.kind,
            other.resource_key(),
        ))
    }

    fn differing_fields(&self, later: &Self) -> Vec<String> {
        let holder = if self.kind.of_account() { "account" } else { "group" };
        let mut fields = differing!(self, later, resource_external_id, resource_arn, resource_name, state);
        if self.subject_name != later.subject_name {
            fields.insert(0, holder.to_owned());
        }
        fields
    }

    fn unresolved_key(&self) -> Option<AssignmentKey> {
        Assignment::unresolved_key(self)
    }

    /// A resource that an earlier import did not list has no id there, and a group no ARN either.
    fn differs_in_sight(&self, later: &Self, field: &str) -> bool {
        match field {
            "resource_external_id" => {
                self.resource_external_id.is_none() || later.resource_external_id.is_none()
            }
            "resource_arn" => self.resource_arn.is_none() || later.resource_arn.is_none(),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        AccessKey, AssignmentKind, AssignmentState, CredentialSource, Credentials, ImportRunId, LoginProfile,
        SystemId, is_volatile,
    };

    fn account(id: &str, name: &str) -> Account {
        Account {
            system_id: SystemId::new("s").unwrap(),
            external_id: ExternalId::new(id).unwrap(),
            name: name.to_owned(),
            path: "/".to_owned(),
            arn: format!("arn:aws:iam::123456789012:user/{name}"),
            status: AccountStatus::Unknown,
            login_profile: LoginProfile::unknown(),
            access_keys: None,
            mfa_active: None,
            credentials: Credentials { source: CredentialSource::None, as_of: None },
            created_at: "2024-01-01T00:00:00Z".parse().unwrap(),
            password_last_used_at: None,
            tags: None,
            permissions_boundary: None,
            inline_policies: None,
            first_seen_run: ImportRunId(1),
            last_seen_run: ImportRunId(1),
        }
    }

    fn accounts(accounts: Vec<Account>) -> Inventory {
        Inventory { accounts, ..Inventory::default() }
    }

    #[test]
    fn a_renamed_user_is_the_same_account_and_a_recreated_one_is_not() {
        let changes = difference(
            accounts(vec![account("A1", "anna"), account("A2", "bert")]),
            accounts(vec![account("A1", "anne"), account("A3", "bert")]),
        );
        let summary: Vec<_> = changes
            .accounts
            .iter()
            .map(|change| (change.kind(), change.object().external_id.to_string()))
            .collect();
        use crate::ChangeKind::{Changed, Created, Deleted};
        assert_eq!(
            summary,
            [(Changed, "A1".to_owned()), (Deleted, "A2".to_owned()), (Created, "A3".to_owned())]
        );
        match &changes.accounts[0] {
            Change::Changed { fields, .. } => assert_eq!(fields, &["name", "arn"]),
            other => panic!("{other:?}"),
        }
    }

    /// Two ways of saying what is the same: a table of keys, and an order without one.
    #[test]
    fn keys_are_equal_where_their_order_says_so() {
        let held = |subject: &str, kind, id: Option<&str>, arn: Option<&str>| Assignment {
            system_id: SystemId::new("s").unwrap(),
            kind,
            subject_name: "anna".to_owned(),
            subject_external_id: ExternalId::new(subject).unwrap(),
            resource_external_id: id.map(|id| ExternalId::new(id).unwrap()),
            resource_arn: arn.map(str::to_owned),
            resource_name: "x".to_owned(),
            state: AssignmentState::Actual,
            first_seen_run: ImportRunId(1),
            last_seen_run: ImportRunId(1),
        };
        use AssignmentKind::{AccountGroup, AccountPolicy, GroupPolicy};
        let all: Vec<Assignment> = ["A1", "A2"]
            .into_iter()
            .flat_map(|subject| [AccountGroup, AccountPolicy, GroupPolicy].map(|kind| (subject, kind)))
            .flat_map(|(subject, kind)| {
                [(None, None), (Some("G1"), None), (Some("G1"), Some("arn:1")), (None, Some("arn:2"))]
                    .map(|(id, arn)| held(subject, kind, id, arn))
            })
            .collect();
        for one in &all {
            for other in &all {
                let (order, back) = (one.compare_keys(other), other.compare_keys(one));
                assert_eq!(order, back.reverse(), "{one:?} {other:?}");
                assert_eq!(order.is_eq(), one.key() == other.key(), "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn being_seen_again_is_no_change_and_being_used_is_a_volatile_one() {
        let before = account("A1", "anna");
        let mut again = before.clone();
        again.last_seen_run = ImportRunId(9);
        again.credentials.as_of = Some("2025-01-01T00:00:00Z".parse().unwrap());
        assert!(difference(accounts(vec![before.clone()]), accounts(vec![again])).is_empty());

        let key = AccessKey { active: true, created_at: None, last_used_at: None };
        let mut with_key = before;
        with_key.access_keys = Some(vec![key.clone()]);
        let mut used = with_key.clone();
        used.password_last_used_at = Some("2025-01-01T00:00:00Z".parse().unwrap());
        used.access_keys = Some(vec![AccessKey {
            last_used_at: Some("2025-01-01T00:00:00Z".parse().unwrap()),
            ..key.clone()
        }]);
        let changes = difference(accounts(vec![with_key.clone()]), accounts(vec![used]));
        assert!(changes.accounts[0].volatile_only());
        assert!(changes.counts_by_type().is_empty());
        let mut off = with_key.clone();
        off.access_keys = Some(vec![AccessKey { active: false, ..key }]);
        let changes = difference(accounts(vec![with_key]), accounts(vec![off]));
        assert!(!changes.accounts[0].volatile_only());
        assert!(!is_volatile("access_keys"));
    }

    #[test]
    fn losing_sight_of_a_password_is_not_a_change_of_the_account_but_losing_the_password_is() {
        let fields = |before: &Account, after: &Account| before.differing_fields(after);
        let mut present = account("A1", "anna");
        present.login_profile.state = LoginProfileState::Present;
        present.status = AccountStatus::Enabled;
        present.credentials.source = CredentialSource::PerUser;
        let unseen = account("A1", "anna");
        assert_eq!(fields(&present, &unseen), ["credentials"]);
        assert_eq!(fields(&unseen, &present), ["credentials"]);
        let mut reported = present.clone();
        reported.credentials.source = CredentialSource::CredentialReport;
        reported.access_keys = Some(vec![]);
        reported.mfa_active = Some(true);
        assert_eq!(fields(&present, &reported), ["credentials"]);
        let mut absent = reported.clone();
        absent.login_profile.state = LoginProfileState::Absent;
        absent.status = AccountStatus::Disabled;
        assert_eq!(fields(&present, &absent), ["credentials", "status", "login_profile"]);
        assert_eq!(fields(&reported, &absent), ["status", "login_profile"]);

        let counted = |before: &Account, after: &Account| {
            let counts =
                difference(accounts(vec![before.clone()]), accounts(vec![after.clone()])).counts().accounts;
            (counts.changed, counts.seen_differently)
        };
        assert_eq!(counted(&present, &reported), (0, 1));
        assert_eq!(counted(&reported, &present), (0, 1));
        assert_eq!(counted(&present, &absent), (1, 0));
        assert_eq!(counted(&reported, &absent), (1, 0));
        let without_row = Account { access_keys: None, mfa_active: None, ..reported.clone() };
        assert_eq!(counted(&reported, &without_row), (0, 1));
    }

    fn assignment(kind: AssignmentKind, id: Option<&str>, arn: Option<&str>) -> Assignment {
        Assignment {
            system_id: SystemId::new("s").unwrap(),
            kind,
            subject_name: "anna".to_owned(),
            subject_external_id: ExternalId::new("A1").unwrap(),
            resource_external_id: id.map(|id| ExternalId::new(id).unwrap()),
            resource_arn: arn.map(str::to_owned),
            resource_name: "readers".to_owned(),
            state: AssignmentState::Actual,
            first_seen_run: ImportRunId(1),
            last_seen_run: ImportRunId(1),
        }
    }

    fn between(before: Assignment, after: Assignment) -> ChangeSet {
        let one = |assignment| Inventory { assignments: vec![assignment], ..Inventory::default() };
        difference(one(before), one(after))
    }

    #[test]
    fn a_reference_that_becomes_known_is_written_but_not_counted() {
        use AssignmentKind::{AccountGroup, AccountPolicy};
        let arn = Some("arn:aws:iam::123456789012:policy/readers");
        for (before, after, fields) in [
            (
                assignment(AccountPolicy, None, arn),
                assignment(AccountPolicy, Some("P1"), arn),
                &["resource_external_id"][..],
            ),
            (
                assignment(AccountGroup, None, None),
                assignment(AccountGroup, Some("G1"), Some("arn:aws:iam::123456789012:group/readers")),
                &["resource_external_id", "resource_arn"],
            ),
        ] {
            let changes = between(before, after);
            let [Change::Changed { fields: found, .. }] = changes.assignments.as_slice() else {
                panic!("{changes:?}")
            };
            assert_eq!(found, fields);
            let seen_differently = crate::ChangeCounts { seen_differently: 1, ..Default::default() };
            let counts = crate::ObjectCounts { assignments: seen_differently, ..Default::default() };
            assert_eq!(changes.counts(), counts);
            assert!(changes.counts_by_type().is_empty());
        }
        let made_anew =
            between(assignment(AccountPolicy, Some("P1"), arn), assignment(AccountPolicy, Some("P2"), arn));
        assert_eq!(made_anew.counts().assignments.changed, 1);
        assert_eq!(made_anew.counts_by_type().len(), 1);
    }

    #[test]
    fn a_boundary_that_could_not_be_read_before_was_set_by_nobody() {
        let unread = account("A1", "anna");
        let mut read = unread.clone();
        read.tags = Some(std::collections::BTreeMap::new());
        read.inline_policies = Some(Vec::new());
        let mut bounded = read.clone();
        bounded.permissions_boundary = Some("arn:aws:iam::123456789012:policy/limit".to_owned());
        let counted = |before: &Account, after: &Account| {
            let changes = difference(accounts(vec![before.clone()]), accounts(vec![after.clone()]));
            assert_eq!(changes.accounts.len(), 1);
            assert_eq!(changes.counts_by_type().len() as u64, changes.counts().accounts.changed);
            changes.counts().accounts.changed
        };
        assert_eq!(counted(&unread, &bounded), 0);
        assert_eq!(counted(&read, &bounded), 1);
        let mut renamed = bounded.clone();
        renamed.name = "anne".to_owned();
        assert_eq!(counted(&unread, &renamed), 1);
    }
}
