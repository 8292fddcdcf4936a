//! What policies say: each text once, each version once, and nothing written where nothing is new.

use keyreeve_model::{ImportRunId, InlinePolicy, ResourceType, digest_hex};
use keyreeve_store::{AsOf, ReadVersion};

use crate::place::Place;
use crate::sample::*;

fn version(number: u64, document: &str) -> ReadVersion {
    ReadVersion {
        external_id: policy(1, 0).external_id,
        version_id: format!("v{number}"),
        created_at: Some(at(i64::try_from(number).unwrap())),
        document: Some(document.to_owned()),
    }
}

#[tokio::test]
async fn versions_are_kept_once_end_when_aws_has_them_no_more_and_an_unchanged_import_writes_nothing() {
    for place in Place::both().await {
        let store = place.create().await;
        store.create_system(new_system("s", "S"), "local:test", at(0)).await.unwrap();
        let mut one = policy(1, 0);
        one.system_id = id("s");
        one.default_version = Some("v10".to_owned());
        let policies = [one.external_id.clone()];
        let keep = async |run: i64, versions: Vec<ReadVersion>| {
            store.keep_policy_versions(&id("s"), ImportRunId(run), &policies, versions).await
        };
        let first = vec![version(2, "{\"a\": 1}"), version(9, "{}"), version(10, "{\"a\": 1}")];
        keep(1, first.clone()).await.unwrap();
        assert_eq!(place.number("SELECT COUNT(*) FROM policy_documents").await, 2, "by content");
        let said = store.resource_documents(&one, AsOf::Now).await.unwrap();
        let ids: Vec<&str> = said.versions.iter().map(|one| one.version_id.as_str()).collect();
        assert_eq!(ids, ["v10", "v9", "v2"], "the newest first, by number");
        let in_force = &said.versions[0];
        assert!(in_force.is_default && !said.versions[1].is_default);
        assert_eq!(in_force.document.as_deref(), Some("{\"a\": 1}"));
        assert_eq!((in_force.created_at, in_force.first_seen_run), (Some(at(10)), ImportRunId(1)));

        // Whatever would be written now is refused by the database.
        if place.schema.is_none() {
            for table in ["policy_documents", "policy_versions"] {
                for what in ["INSERT", "UPDATE"] {
                    let name = format!("no_{what}_{table}");
                    place.tamper(&format!("CREATE TRIGGER {name} BEFORE {what} ON {table} BEGIN SELECT RAISE(ABORT, 'written'); END")).await;
                }
            }
            keep(2, first.clone()).await.unwrap();
            store.keep_documents(&["{}".to_owned()]).await.unwrap();
            assert!(keep(2, vec![version(11, "{}")]).await.is_err());
            for table in ["policy_documents", "policy_versions"] {
                for what in ["INSERT", "UPDATE"] {
                    place.tamper(&format!("DROP TRIGGER no_{what}_{table}")).await;
                }
            }
        }
        keep(3, vec![version(9, "{}"), version(10, "{\"a\": 1}"), version(11, "{\"b\": 2}")]).await.unwrap();
        let said = store.resource_documents(&one, AsOf::Now).await.unwrap();
        let gone = said.versions.iter().filter_map(|one| Some((one.version_id.as_str(), one.gone_run?)));
        assert_eq!(gone.collect::<Vec<_>>(), [("v2", ImportRunId(3))]);
        assert_eq!(said.versions.len(), 4, "what was is still known: {said:?}");

        // What is asked about one policy ends nothing of another.
        let other = [policy(2, 0).external_id];
        store.keep_policy_versions(&id("s"), ImportRunId(4), &other, Vec::new()).await.unwrap();
        assert_eq!(store.resource_documents(&one, AsOf::Now).await.unwrap(), said);
        store.close().await;
    }
}

#[tokio::test]
async fn s21_what_no_document_of_iam_can_be_is_not_kept_and_all_else_is_as_it_came() {
    for place in Place::both().await {
        let store = place.create().await;
        store.create_system(new_system("s", "S"), "local:test", at(0)).await.unwrap();
        let evil = "{\"Sid\": \"<script>\u{202e}'; DROP TABLE policy_documents; --\"}".to_owned();
        let long = "x".repeat(131_073);
        store.keep_documents(&[evil.clone(), "a\0b".to_owned(), long.clone(), evil.clone()]).await.unwrap();
        let mut own = group(1, 0);
        assert_eq!(own.kind, ResourceType::Group);
        own.system_id = id("s");
        let inline = |name: &str, document: &str| InlinePolicy {
            name: name.to_owned(),
            document_sha256: Some(digest_hex(document.as_bytes())),
        };
        let nothing = InlinePolicy { name: "d".to_owned(), document_sha256: None };
        own.inline_policies =
            Some(vec![inline("a", &evil), inline("b", "a\0b"), inline("c", &long), nothing]);
        let said = store.resource_documents(&own, AsOf::Now).await.unwrap();
        let known: Vec<Option<&str>> = said.inline.iter().map(|one| one.document.as_deref()).collect();
        assert_eq!(known, [Some(evil.as_str()), None, None, None]);
        store
            .keep_policy_versions(
                &id("s"),
                ImportRunId(1),
                &[policy(1, 0).external_id],
                vec![version(1, &long)],
            )
            .await
            .unwrap();
        let mut one = policy(1, 0);
        one.system_id = id("s");
        let said = store.resource_documents(&one, AsOf::Now).await.unwrap();
        assert_eq!(
            (said.versions[0].document.as_ref(), said.versions[0].document_sha256.as_ref()),
            (None, None)
        );
        store.close().await;
    }
}
