//! Tokens.

use keyreeve_model::*;
use keyreeve_store::*;

use super::*;
use crate::place::Place;

#[tokio::test]
async fn a_token_is_found_by_its_public_half_until_it_is_looked_at_as_revoked() {
    for place in Place::both().await {
        let store = place.create().await;
        let new = NewToken {
            id: TokenId("k1".to_owned()),
            secret_sha256: [7; 32],
            owner: "zoe".to_owned(),
            role: Role::Approver,
            systems: vec![id("s"), id("t")],
            expires_at: Some(at(100)),
        };
        let made = store.create_token(&new, "local:root", at(1)).await.unwrap();
        assert_eq!((&made.id, made.owner.as_str(), made.role), (&new.id, "zoe", Role::Approver));
        assert_eq!((&made.systems, made.expires_at, made.created_at), (&new.systems, Some(at(100)), at(1)));
        assert_eq!(store.find_token(&new.id).await.unwrap(), Some((made.clone(), [7; 32])));
        assert_eq!(store.find_token(&TokenId("K1".to_owned())).await.unwrap(), None);
        let taken = store.create_token(&new, "local:root", at(1)).await.unwrap_err();
        assert!(matches!(taken, StoreError::TokenTaken { .. }));
        let other =
            NewToken { id: TokenId("k2".into()), owner: "amy".into(), systems: vec![], ..new.clone() };
        store.create_token(&other, "local:root", at(2)).await.unwrap();
        let owners: Vec<_> = store.tokens().await.unwrap().into_iter().map(|token| token.owner).collect();
        assert_eq!(owners, ["amy", "zoe"]);

        let used = async || store.find_token(&new.id).await.unwrap().unwrap().0.last_used_at;
        store.touch_token(&new.id, at(10)).await.unwrap();
        assert_eq!(used().await, Some(at(10)));
        store.touch_token(&new.id, at(69)).await.unwrap();
        assert_eq!(used().await, Some(at(10)), "not every use is written down");
        store.touch_token(&new.id, at(70)).await.unwrap();
        assert_eq!(used().await, Some(at(70)));

        let revoked = store.revoke_token(&new.id, "local:root", None, at(80)).await.unwrap();
        assert_eq!(revoked.revoked_at, Some(at(80)));
        let again = store.revoke_token(&new.id, "local:root", None, at(90)).await.unwrap();
        assert_eq!(again.revoked_at, Some(at(80)));
        let missing = store.revoke_token(&TokenId("no".into()), "x", None, at(90)).await.unwrap_err();
        assert!(matches!(missing, StoreError::TokenNotFound { .. }));
        let rows = store.audit(&AuditFilter::default(), 9).await.unwrap();
        let said: Vec<_> = rows.iter().map(|row| row.action.as_str()).collect();
        assert_eq!(said, ["token_revoked", "token_created", "token_created"]);
        assert!(rows.iter().all(|row| !row.subject.to_string().contains("0707")));
        store.close().await;
    }
}
