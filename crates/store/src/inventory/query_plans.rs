//! Pages and searches go through indexes that have their order or what is looked for, and never through all accounts
//! or assignments of a system.

use jiff::Timestamp;
use keyreeve_model::{AssignmentKind, AssignmentPlace, CredentialKind, ImportRunId};

use super::conditions::{Column, Way, policy_conditions};
use super::life::versions_of;
use super::shown::select_held;
use super::slices::{cut, cut_assignments};
use super::{Reading, select_claimed};
use crate::dialect::Dialect;
use crate::history::{self, Coverage, Versions};
use crate::provisioning::query_plans::plan;
use crate::statement::Statement;
use crate::transaction::reading;
use crate::{
    AccountFilter, AccountOrder, AssignmentFilter, AssignmentSlice, DatabaseUrl, NewSystem, Slice,
    SlicePlace, SortKey, Store, StoreError, StoreKey, systems,
};

pub(super) async fn reading_of(store: &Store) -> Reading {
    let now = Timestamp::UNIX_EPOCH;
    let new = NewSystem {
        system_id: "prod".parse().unwrap(),
        name: "Prod".parse().unwrap(),
        category: "Cloud".parse().unwrap(),
        region: None,
        credential: CredentialKind::Ambient,
        secret: None,
        aws_account_id: None,
        partition: None,
        settings: keyreeve_model::SystemSettings::default(),
    };
    let system_id = store.create_system(new, "test", now).await.unwrap().system_id;
    let read: Result<Reading, StoreError> = reading!(store, "reading", |transaction| {
        let system = systems::find(transaction, &system_id, false).await?;
        let coverage = Coverage::at(transaction, system.key, ImportRunId(1)).await?;
        let dialect = transaction.dialect();
        Ok(Reading { system, versions: Versions::Current, coverage, run: ImportRunId(1), dialect })
    })
    .await;
    read.unwrap()
}

pub(super) fn assignments(reading: &Reading, filter: &AssignmentFilter) -> Statement {
    let kind = AssignmentKind::AccountGroup;
    let after = AssignmentPlace("ada".into(), "AIDA1".into(), kind, "g".into(), None);
    assignments_after(reading, filter, Some(after))
}

fn assignments_after(
    reading: &Reading,
    filter: &AssignmentFilter,
    after: Option<AssignmentPlace>,
) -> Statement {
    let mut text = reading.select_assignments(filter);
    cut_assignments(&mut text, &AssignmentSlice { descending: false, after, limit: 101 });
    text
}

pub(super) fn accounts(reading: &Reading, filter: &AccountFilter) -> Statement {
    accounts_after(
        reading,
        filter,
        Some(SlicePlace(SortKey::Text("ada".into()), "ada".into(), "AIDA1".into())),
    )
}

fn accounts_after(reading: &Reading, filter: &AccountFilter, after: Option<SlicePlace>) -> Statement {
    let mut text = reading.select(history::select_accounts());
    reading.filter_accounts(&mut text, filter);
    let by = AccountOrder::Name;
    cut(&mut text, &Slice { by, descending: false, after, limit: 101 }, by.column());
    text
}

#[tokio::test]
async fn pages_and_searches_of_the_inventory_go_through_their_indexes() {
    let folder = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::sqlite(folder.path().join("store.db"));
    let store = Store::create(&url, StoreKey::generate().unwrap(), Timestamp::UNIX_EPOCH).await.unwrap();
    let reading = reading_of(&store).await;
    let text = |text: &str| Some(text.to_owned());
    let by_account = AssignmentFilter { account: text("ada"), ..AssignmentFilter::default() };
    let by_group = AssignmentFilter { group: text("staff"), ..by_account.clone() };
    let by_arn =
        AssignmentFilter { policy: text("arn:aws:iam::aws:policy/P"), ..AssignmentFilter::default() };
    let group = AccountFilter { group: text("staff"), ..AccountFilter::default() };
    let policy = AccountFilter { policy: text("P"), through_groups: true, ..AccountFilter::default() };
    let (name, folded) =
        ("by_name (system_key=? AND valid_to_run=? AND (name,external_id)>(?,?))", "<expr>=?)");
    let sorted = |by: AccountOrder| {
        let mut text = reading.select(history::select_accounts());
        cut(&mut text, &Slice { by, descending: true, after: None, limit: 51 }, by.column());
        text
    };
    let a_year_ago = Some((None, Some(Timestamp::UNIX_EPOCH)));
    let of_old_keys = AccountFilter { oldest_key: a_year_ago, ..AccountFilter::default() };
    let mut old_keys = reading.select(Statement::building("SELECT COUNT(*) FROM account_versions v"));
    reading.filter_accounts(&mut old_keys, &of_old_keys);
    let by_id = "sqlite_autoindex_assignment_versions_1 (system_key=? AND subject_external_id=?";
    let cases = [
        (accounts(&reading, &AccountFilter::default()), vec![format!("account_versions_{name}")]),
        (accounts_after(&reading, &AccountFilter::default(), None), vec!["account_versions_by_name".to_owned()]),
        (sorted(AccountOrder::Path), vec!["account_versions_by_path".to_owned()]),
        (sorted(AccountOrder::Status), vec!["account_versions_by_status".to_owned()]),
        (sorted(AccountOrder::CreatedAt), vec!["account_versions_by_age".to_owned()]),
        (sorted(AccountOrder::PasswordLastUsedAt), vec!["account_versions_by_use".to_owned()]),
        (old_keys, vec!["account_versions_by_key (system_key=? AND valid_to_run=? AND oldest_key_at".to_owned()]),
        (accounts(&reading, &group), vec![
            format!("a USING INDEX assignment_versions_by_folded_resource (system_key=? AND valid_to_run=? AND {folded}"),
            "a USING INDEX assignment_versions_by_resource (system_key=? AND valid_to_run=? AND resource_external_id=?)".to_owned(),
        ]),
        (accounts(&reading, &policy), vec![
            "a USING INDEX assignment_versions_by_resource (system_key=? AND valid_to_run=? AND resource_external_id=?)".to_owned(),
        ]),
        (assignments(&reading, &AssignmentFilter::default()), vec![
            "assignment_versions_by_subject (system_key=? AND valid_to_run=? AND (subject_name,subject_external_id)>(?,?))".to_owned(),
        ]),
        (assignments_after(&reading, &AssignmentFilter::default(), None), vec![
            "assignment_versions_by_subject (system_key=? AND valid_to_run=? AND subject_name>?)".to_owned(),
        ]),
        (assignments(&reading, &by_account), vec![
            format!("assignment_versions_by_folded_subject (system_key=? AND valid_to_run=? AND {folded}"),
            by_id.to_owned(),
        ]),
        (assignments(&reading, &by_group), vec![
            format!("assignment_versions_by_folded_subject (system_key=? AND valid_to_run=? AND {folded}"),
            by_id.to_owned(),
        ]),
        (assignments(&reading, &by_arn), vec![
            format!("assignment_versions_by_folded_resource (system_key=? AND valid_to_run=? AND {folded}"),
        ]),
        (select_held(Dialect::Sqlite, &reading, &["AIDA1".parse().unwrap()]), vec![by_id.to_owned()]),
        (select_claimed(&reading), vec![by_id.to_owned()]),
    ];
    let of_one =
        |text, subject| versions_of(text, (reading.system.key, &"AIDA1".parse().unwrap()), subject, "");
    for (text, index) in [
        (of_one(history::select_assignments(), "subject_external_id"), by_id),
        (
            of_one(history::select_accounts(), "external_id"),
            "sqlite_autoindex_account_versions_1 (system_key=? AND external_id=?",
        ),
    ] {
        let lines = plan(&store, text).await;
        assert!(lines.iter().any(|line| line.contains(index)), "{index}: {lines:#?}");
    }
    for (text, indexes) in cases {
        let lines = plan(&store, text).await;
        for index in indexes {
            assert!(lines.iter().any(|line| line.contains(&index)), "{index}: {lines:#?}");
        }
        // Two columns alone are those of the system, and what follows them in an index is its order.
        let whole = |line: &String| {
            line.ends_with("(system_key=? AND valid_to_run=?)") && !line.contains("versions_by_")
        };
        let sorts = |line: &String| line.contains("TEMP B-TREE FOR ORDER BY");
        assert!(!lines.iter().any(whole), "{lines:#?}");
        assert!(!lines[..1].iter().any(sorts), "{lines:#?}");
    }
    store.close().await;
}

#[test]
fn a_policy_is_looked_for_by_its_arn_or_by_its_name_and_id() {
    let columns =
        |policy| policy_conditions(policy).iter().map(|Way { column, .. }| *column).collect::<Vec<_>>();
    assert_eq!(columns("arn:aws:iam::aws:policy/P"), [Column::PolicyArn]);
    assert_eq!(columns("ReadOnly"), [Column::ResourceName, Column::ResourceId]);
}
