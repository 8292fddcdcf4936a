//! Pages and searches go through indexes that have their order or what is looked for, and never through all accounts
//! or assignments of a system.

use jiff::Timestamp;
use keyreeve_model::{AssignmentKind, AssignmentPlace, CredentialKind, ImportRunId};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use super::conditions::{Column, Way, policy_conditions};
use super::everywhere::{held, held_within};
use super::indexed::{Table, Wanted, anywhere, named};
use super::life::versions_of;
use super::shown::select_held;
use super::slices::{cut, cut_assignments};
use super::{Reading, select_claimed};
use crate::dialect::Dialect;
use crate::history::{self, Coverage, Versions};
use crate::provisioning::query_plans::plan;
use crate::statement::{Statement, Text};
use crate::transaction::reading;
use crate::{
    AccountFilter, AccountOrder, AssignmentFilter, AssignmentSlice, DatabaseUrl, HeldFilter, NewSystem,
    Slice, SlicePlace, SortKey, Store, StoreError, StoreKey, systems,
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

fn held_filter(resource: &str) -> HeldFilter {
    HeldFilter { resource: resource.to_owned(), kind: None }
}

#[tokio::test]
async fn who_holds_something_everywhere_is_read_in_order_from_one_index() {
    let folder = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::sqlite(folder.path().join("store.db"));
    let store = Store::create(&url, StoreKey::generate().unwrap(), Timestamp::UNIX_EPOCH).await.unwrap();
    let kind = AssignmentKind::AccountPolicy;
    let place = AssignmentPlace("ada".into(), "AIDA1".into(), kind, "P".into(), None);
    let within = |after| {
        let slice = AssignmentSlice { descending: false, after, limit: 51 };
        held_within(Dialect::Sqlite, &held_filter("P"), 7, &slice)
    };
    let all = |descending, after| {
        held(Dialect::Sqlite, &held_filter("arn:aws:iam::aws:policy/P"), (descending, after, 51))
    };
    let index = "SEARCH v USING INDEX assignment_versions_everywhere (<expr>=?";
    for (text, range) in [
        (all(false, None), ")"),
        (all(true, Some((7, &place))), " AND (system_key,subject_name,subject_external_id)<(?,?,?))"),
        (within(None), " AND system_key=? AND subject_name>?)"),
        (within(Some(place.clone())), " AND system_key=? AND (subject_name,subject_external_id)>(?,?))"),
    ] {
        let lines = plan(&store, text).await;
        assert!(lines.iter().any(|line| *line == format!("{index}{range}")), "{range}: {lines:#?}");
        assert!(!lines.iter().any(|line| line.contains("TEMP B-TREE FOR ORDER BY")), "{lines:#?}");
    }
    store.close().await;
}

/// How PostgreSQL goes about a statement, one line for each step.
async fn postgres_plan(store: &Store, text: Statement, in_order: bool) -> Vec<String> {
    let Text::Built(written) = &text.text else { panic!("no statement that is built") };
    let explained =
        Statement { text: Text::Built(format!("EXPLAIN (COSTS OFF) {written}")), values: text.values };
    let lines: Result<Vec<String>, StoreError> = reading!(store, "explaining", |transaction| {
        // Of as few as there are in each part here, it would sort or read them all.
        let others = match in_order {
            true => &["SET LOCAL enable_sort = off", "SET LOCAL enable_bitmapscan = off"][..],
            false => &["SET LOCAL enable_seqscan = off"],
        };
        for way in others.iter().copied() {
            transaction.execute(crate::statement::statement!(way)).await?;
        }
        transaction.fetch(explained.clone(), |row| row.text(0)).await
    })
    .await;
    lines.unwrap()
}

/// Forty systems of 500 accounts and 500 groups, of whom each twentieth has the same policy.
const CROWD: &str = "
    INSERT INTO account_versions (system_key, external_id, valid_from_run, valid_to_run, first_seen_run, name, path, arn,
        status, login_state, credential_source, created_at, tags)
    SELECT s, 'AIDA' || n, 1, 9223372036854775807, 1, 'user' || n || '.' || md5(s || '-' || n), '/',
        'arn:aws:iam::' || s || ':user/user' || n, 'enabled', 'present', 'none', 0, '{\"mail\":\"' || md5(n || '+' || s) || '\"}'
    FROM generate_series(1, 40) s, generate_series(1, 500) n;
    INSERT INTO resource_versions (system_key, external_id, valid_from_run, valid_to_run, first_seen_run, type, name, path,
        arn, attachable)
    SELECT s, 'AGPA' || n, 1, 9223372036854775807, 1, 'group', md5('g' || s || '-' || n), '/',
        'arn:aws:iam::' || s || ':group/' || md5(s || '+' || n), 1
    FROM generate_series(1, 40) s, generate_series(1, 500) n;
    INSERT INTO assignment_versions (system_key, subject_external_id, kind, resource_key, valid_from_run, valid_to_run,
        first_seen_run, subject_name, resource_name, state)
    SELECT s, 'AIDA' || n, 'account_policy', 'arn:aws:iam::aws:policy/P' || n % 20, 1, 9223372036854775807, 1, 'user' || n,
        'P' || n % 20, 'actual'
    FROM generate_series(1, 40) s, generate_series(1, 500) n;
    ANALYZE account_versions; ANALYZE resource_versions; ANALYZE assignment_versions";

#[tokio::test]
async fn postgres_goes_through_indexes_for_what_is_looked_for_in_all_systems() {
    let server = std::env::var("KEYREEVE_TEST_POSTGRES").expect("KEYREEVE_TEST_POSTGRES names a server");
    let schema = format!("plans_{}", std::process::id());
    let mut raw = PgConnection::connect(&server).await.unwrap();
    for text in [format!("DROP SCHEMA IF EXISTS {schema} CASCADE"), format!("CREATE SCHEMA {schema}")] {
        raw.execute(AssertSqlSafe(text)).await.unwrap();
    }
    let separator = if server.contains('?') { '&' } else { '?' };
    let url: DatabaseUrl = format!("{server}{separator}options=-csearch_path%3D{schema}").parse().unwrap();
    let store = Store::create(&url, StoreKey::generate().unwrap(), Timestamp::UNIX_EPOCH).await.unwrap();
    assert_eq!(store.search_is_indexed().await.unwrap(), Some(true), "the server for tests has pg_trgm");
    raw.execute(AssertSqlSafe(format!("SET search_path = {schema}; {CROWD}"))).await.unwrap();
    let place =
        AssignmentPlace("user9".into(), "AIDA9".into(), AssignmentKind::AccountPolicy, "P3".into(), None);
    let slice = AssignmentSlice { descending: false, after: Some(place.clone()), limit: 51 };
    let dialect = Dialect::Postgres;
    let keys: Vec<i64> = (3..9).collect();
    let [hex, nobody, pattern] = ["a1b", "nobody-has-this", "*a1b2*"].map(Wanted::of);
    for (text, index) in [
        (held(dialect, &held_filter("p3"), (false, None, 11)), "(lower((resource_name || ''::text)) = 'p3'"),
        (
            held(dialect, &held_filter("p3"), (true, Some((7, &place)), 11)),
            "(ROW(system_key, subject_name, subject_external_id) <= ROW(",
        ),
        (held_within(dialect, &held_filter("p3"), 7, &slice), "system_key = "),
        (named(Table::Accounts, &hex, None, 1_000), "((lower(name) >= 'a1b'::text) AND (lower(name) <"),
        (named(Table::Resources, &hex, None, 1_000), "((lower(name) >= 'a1b'::text) AND (lower(name) <"),
        (anywhere(Table::Accounts, &nobody, None, 1_000), "Bitmap Index Scan on account_versions"),
        (anywhere(Table::Accounts, &pattern, Some(&keys), 1_000), "Bitmap Index Scan on account_versions"),
        (anywhere(Table::Resources, &nobody, None, 1_000), "Bitmap Index Scan on resource_versions"),
    ] {
        let in_order = !index.starts_with("Bitmap");
        let lines = postgres_plan(&store, text, in_order).await;
        // Partitions name their own parts of an index; what it is asked for is the same.
        assert!(lines.iter().any(|line| line.contains(index)), "{index}: {lines:#?}");
        let is_bad = |line: &&String| {
            let line = line.trim_start_matches([' ', '-', '>']);
            line.starts_with("Sort") && !line.starts_with("Sort Key")
                || line.contains("Seq Scan on account")
                || line.contains("Seq Scan on resource")
                || line.contains("Seq Scan on assignment")
        };
        assert_eq!(lines.iter().find(is_bad), None, "{lines:#?}");
    }
    store.close().await;
    raw.execute(AssertSqlSafe(format!("DROP SCHEMA {schema} CASCADE"))).await.unwrap();
}

#[test]
fn a_policy_is_looked_for_by_its_arn_or_by_its_name_and_id() {
    let columns =
        |policy| policy_conditions(policy).iter().map(|Way { column, .. }| *column).collect::<Vec<_>>();
    assert_eq!(columns("arn:aws:iam::aws:policy/P"), [Column::PolicyArn]);
    assert_eq!(columns("ReadOnly"), [Column::ResourceName, Column::ResourceId]);
}
