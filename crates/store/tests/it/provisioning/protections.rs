//! The protect list.

use keyreeve_model::*;
use keyreeve_store::*;

use super::*;
use crate::place::Place;

#[tokio::test]
async fn what_is_protected_is_listed_once_and_taken_off_by_name() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let of = |kind: ProtectionKind, reason: &str| Protection {
            kind,
            reason: Some(reason.to_owned()),
            added_by: "anna".to_owned(),
            added_at: at(1),
        };
        let account = of(ProtectionKind::Account("ada".to_owned()), "break glass");
        let path = of(ProtectionKind::Path("/ada/".to_owned()), "too");
        let tag = of(ProtectionKind::Tag("keep=yes".to_owned()), "three");
        for protection in [&tag, &path, &of(account.kind.clone(), "first words"), &account] {
            store.add_protection(&id("s"), protection).await.unwrap();
        }
        assert_eq!(store.protections(&id("s")).await.unwrap(), [account.clone(), path.clone(), tag]);
        store.remove_protection(&id("s"), &path.kind, "berta", None, at(2)).await.unwrap();
        assert_eq!(store.protections(&id("s")).await.unwrap().len(), 2);
        let missing = store.remove_protection(&id("s"), &path.kind, "berta", None, at(2)).await.unwrap_err();
        assert!(matches!(missing, StoreError::ProtectionNotFound { .. }), "{missing:?}");
        let rows =
            store.audit(&AuditFilter { system_id: Some(id("s")), ..Default::default() }, 9).await.unwrap();
        let said: Vec<_> = rows.iter().map(|row| (row.actor.as_str(), row.action.as_str())).collect();
        assert_eq!(said[..2], [("berta", "protection_removed"), ("anna", "protection_added")]);
        assert_eq!(said.len(), 6);
        let unknown = store.add_protection(&id("t"), &account).await.unwrap_err();
        assert!(matches!(unknown, StoreError::SystemNotFound { .. }));
        store.close().await;
    }
}
