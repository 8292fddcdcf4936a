//! Changes of users.

use keyreeve_model::{ExternalId, ScimDelete, Secret, TaskKind, Wish};
use keyreeve_store::{ScimBecomes, ScimMark, ScimSaid};
use serde_json::{Map, Value};

use super::began::Began;
use super::held_now::with_now;
use super::job::{Others, done, is_gone, looked, possible};
use super::{Change, Resource, again, applied, before_and_after, expect_version, unbegun};
use crate::meant::Meant;
use crate::scim::write::{self, Written};
use crate::scim::{Cause, Error, ResourceType};
use crate::scim_http::answer::Refusal;
use crate::scim_http::asked::Asked;
use crate::scim_http::known::{Known, none_such};
use crate::scim_http::wishes::{self, Changes, Circumstances};

const ENTITLEMENTS: &str = "entitlements";

/// Makes a user, or lets one be again that the same client deleted.
pub(super) async fn create(asked: &Asked, body: &Value, began: &Began) -> Result<Resource, Refusal> {
    let kind = &asked.model.user;
    let Written { resource: mut new, password } = write::create(kind, body)?;
    wishes::with_mirrored(&asked.system.settings.scim_tags, (&Map::new(), true), &mut new)?;
    let changes = wishes::creation(&new, password.is_some())?;
    let name = new.get("userName").and_then(Value::as_str).unwrap_or_default();
    let place = |what: &str, text: &str| format!("{what}/{text}");
    let client = asked.client();
    let called = changes.new_name().map(|id| place("called", &format!("{client}/{id}")));
    let turns = called.into_iter().chain([place("name", &name.to_lowercase())]);
    let _turn = asked.turn(turns).await?;
    again::first_is_over(asked, name).await?;
    let active = new.get("active") != Some(&Value::Bool(false));
    let mut known = Known::load(asked).await?;
    let mut there = known.account_called(name).await?;
    let mut withdrawn = Vec::new();
    if let Some(id) = there.as_ref().map(|there| there.external_id.clone()) {
        let against = unbegun::against(asked, &id, active).await?;
        withdrawn = unbegun::withdraw(asked, against).await?;
        // What has begun comes to its end first: only then it is known who is there.
        Others::default().gone(asked, &id).await?;
        known = Known::load(asked).await?;
        there = known.account_called(name).await?;
    }
    let there = there.filter(|there| !known.went(&there.external_id));
    if let Some(there) = &there
        && known.deleted_by(&there.external_id) != Some(client)
    {
        return Err(again::taken(asked, &known, there, &withdrawn).await?.into());
    }
    require_free(asked, &known, None, changes.new_name()).await?;
    if let Some(there) = there {
        let id = &there.external_id;
        match revive(asked, &known, id, (body, active), began).await {
            // There is nothing to let be again: it is made anew.
            Err(refusal) if went(asked, id, &refusal).await => {}
            done => return done,
        }
    }
    let said = said(None, &changes, ScimBecomes::Made);
    let job = done(asked, (changes.wishes, Meant::default()), password, (said, None), began).await?;
    let task = job.and_then(|job| job.tasks.into_iter().find(|task| task.kind == TaskKind::CreateAccount));
    let id = task.and_then(|task| task.account_external_id);
    let id = id.ok_or_else(|| Error::new(Cause::Internal, "the user was made, and its id is not known"))?;
    shown(asked, &id).await
}

/// The user is as it is asked for, by its old id.
async fn revive(
    asked: &Asked,
    known: &Known<'_>,
    id: &ExternalId,
    (body, active): (&Value, bool),
    began: &Began,
) -> Result<Resource, Refusal> {
    let kind = &asked.model.user;
    let before = known.user_in_aws(id).await?.ok_or_else(|| none_such(kind))?;
    let Written { resource: mut after, password } = write::replace(kind, body, &before)?;
    after.insert("active".into(), Value::Bool(active));
    wishes::with_mirrored(&asked.system.settings.scim_tags, (&before, true), &mut after)?;
    let circumstances = circumstances(asked, id, password.as_ref()).await?;
    let changes = wishes::of_user(&before, &after, Circumstances { shut_out: !active, ..circumstances })?;
    let said = said(Some(id), &changes, ScimBecomes::Made);
    done(asked, (changes.wishes, meant(&before, id)), password, (said, None), began).await?;
    shown(asked, id).await
}

/// Changes a user.
pub(super) async fn change(
    asked: &Asked,
    id: &str,
    change: Change<'_>,
    began: &Began,
) -> Result<Resource, Refusal> {
    let _turn = asked.turn([format!("id/{id}")]).await?;
    let (external, mut others) = (account_id(id)?, Others::default());
    loop {
        take_back(asked, &external, &change).await?;
        let since = others.gone(asked, &external).await?;
        match changed(asked, id, &change, since, began).await {
            Err(refusal) if others.were_faster(&refusal) => {}
            done => return done,
        }
    }
}

async fn changed(
    asked: &Asked,
    id: &str,
    change: &Change<'_>,
    since: Option<ScimMark>,
    began: &Began,
) -> Result<Resource, Refusal> {
    let kind = &asked.model.user;
    let known = Known::load(asked).await?;
    let (stored, after, password) = before_and_after(&known, kind, id, change).await?;
    if change.patch && stored.contains_key("active") && !after.contains_key("active") {
        let detail = "active cannot be taken away: false is said of a user who is not to come in";
        return Err(Error::new(Cause::InvalidValue, detail).into());
    }
    let external = account_id(id)?;
    let (mut before, mut after) = (stored.clone(), after);
    if change.names(kind, ENTITLEMENTS) {
        let account = external.clone();
        let now = looked(asked, |case| async move { case.policies_now(&account).await }).await?;
        (before, after) = with_now(kind, ENTITLEMENTS, &stored, change, &now)?;
    }
    wishes::with_mirrored(&asked.system.settings.scim_tags, (&before, false), &mut after)?;
    let shut_out = says(kind, &stored, change, false);
    if after == before && password.is_none() && !shut_out {
        return Ok(stored);
    }
    let circumstances =
        Circumstances { shut_out, ..circumstances(asked, &external, password.as_ref()).await? };
    let changes = wishes::of_user(&before, &after, circumstances)?;
    require_free(asked, &known, Some(&external), changes.new_name()).await?;
    let said = said(Some(&external), &changes, ScimBecomes::Kept);
    done(asked, (changes.wishes, meant(&before, &external)), password, (said, since), began).await?;
    shown(asked, &external).await
}

/// Takes back what nobody has begun and would shut the user out, where a change says that it is to be active.
async fn take_back(asked: &Asked, id: &ExternalId, change: &Change<'_>) -> Result<(), Refusal> {
    let against = unbegun::against(asked, id, true).await?;
    if against.is_empty() {
        return Ok(());
    }
    let (kind, known) = (&asked.model.user, Known::load(asked).await?);
    // What cannot be done as a whole takes nothing back, either.
    let (before, mut after, password) = before_and_after(&known, kind, id.as_str(), change).await?;
    wishes::with_mirrored(&asked.system.settings.scim_tags, (&before, false), &mut after)?;
    if says(kind, &before, change, true) {
        let changes = wishes::of_user(&before, &after, circumstances(asked, id, password.as_ref()).await?)?;
        require_free(asked, &known, Some(id), changes.new_name()).await?;
        possible(asked, (changes.wishes, meant(&before, id))).await?;
        unbegun::withdraw(asked, against).await?;
    }
    Ok(())
}

/// Whether a change says that the user is to be active, or not, and does not merely leave it so.
fn says(kind: &'static ResourceType, before: &Resource, change: &Change<'_>, active: bool) -> bool {
    let mut otherwise = before.clone();
    otherwise.insert("active".into(), Value::Bool(!active));
    applied(kind, &otherwise, change)
        .is_ok_and(|(after, _)| after.get("active") == Some(&Value::Bool(active)))
}

/// Whom the user's name stands for.
fn meant(before: &Resource, id: &ExternalId) -> Meant {
    Meant::user(before.get("userName").and_then(Value::as_str).unwrap_or_default(), id)
}

/// Takes a user out of SCIM: deactivated at AWS, or deleted there if the system's setting says so.
pub(super) async fn delete(
    asked: &Asked,
    id: &str,
    versions: Option<&crate::scim::etag::Versions>,
    began: &Began,
) -> Result<(), Refusal> {
    let _turn = asked.turn([format!("id/{id}")]).await?;
    let (external, mut others) = (account_id(id)?, Others::default());
    loop {
        let since = others.gone(asked, &external).await?;
        match deleted(asked, id, versions, since, began).await {
            Err(refusal) if others.were_faster(&refusal) => {}
            done => return done,
        }
    }
}

async fn deleted(
    asked: &Asked,
    id: &str,
    versions: Option<&crate::scim::etag::Versions>,
    since: Option<ScimMark>,
    began: &Began,
) -> Result<(), Refusal> {
    let kind = &asked.model.user;
    let known = Known::load(asked).await?;
    let before = known.resource(kind, id).await?.ok_or_else(|| none_such(kind))?;
    expect_version(&before, versions)?;
    let account = before.get("userName").and_then(Value::as_str).unwrap_or_default().to_owned();
    let external = account_id(id)?;
    let meant = meant(&before, &external);
    // Asked for though it seems to have no way in: what cannot be seen in a list is looked at then.
    let wish = match asked.system.settings.scim_delete {
        ScimDelete::Deactivate => Wish::DeactivateAccount { account },
        ScimDelete::Delete => Wish::DeleteAccount { account },
    };
    let said = said(Some(&external), &Changes::default(), ScimBecomes::Deleted);
    match done(asked, (vec![wish], meant), None, (said.clone(), since.clone()), began).await {
        // What was asked for is so already, and AWS has nothing to do about it.
        Err(refusal) if went(asked, &external, &refusal).await => {
            let gone = ScimSaid { becomes: ScimBecomes::Gone, ..said };
            done(asked, (Vec::new(), Meant::default()), None, (gone, since), began).await.map(|_| ())
        }
        done => done.map(|_| ()),
    }
}

/// Whether what was refused is about a user that AWS has no more, though no import has seen that yet. Its name may be
/// somebody else's by now; its id never will be.
async fn went(asked: &Asked, id: &ExternalId, refusal: &Refusal) -> bool {
    refusal.0.cause == Cause::Conflict && is_gone(asked, id).await.unwrap_or(false)
}

fn said(id: Option<&ExternalId>, changes: &Changes, becomes: ScimBecomes) -> ScimSaid {
    ScimSaid {
        resource: id.cloned(),
        resource_type: "User".to_owned(),
        changes: changes.kept.clone(),
        external_id: changes.external_id.clone(),
        becomes,
    }
}

/// Refuses an externalId by which the client calls another user. One that nobody has any more is free.
async fn require_free(
    asked: &Asked,
    known: &Known<'_>,
    own: Option<&ExternalId>,
    external_id: Option<&str>,
) -> Result<(), Refusal> {
    let (store, system) = (&asked.parts.store, asked.system_id());
    let Some(text) = external_id else { return Ok(()) };
    let Some(holder) = store.scim_called(system, asked.client(), "User", text).await? else { return Ok(()) };
    if own == Some(&holder) {
        return Ok(());
    }
    if known.accounts(std::slice::from_ref(&holder)).await?.is_empty() {
        return Ok(store.forget_scim_external_ids(system, &holder).await?);
    }
    Err(Error::new(Cause::Uniqueness, "you call another user by that externalId").into())
}

async fn circumstances(
    asked: &Asked,
    id: &ExternalId,
    password: Option<&Secret>,
) -> Result<Circumstances, Refusal> {
    let found = asked.parts.store.switched_off(asked.system_id(), std::slice::from_ref(id)).await?;
    let switched_off = found.get(id).is_some_and(|one| one.manifest.is_some());
    Ok(Circumstances { switched_off, password: password.is_some(), shut_out: false })
}

/// The user as it is known now.
async fn shown(asked: &Asked, id: &ExternalId) -> Result<Map<String, Value>, Refusal> {
    let kind = &asked.model.user;
    let known = Known::load(asked).await?;
    Ok(known.resource(kind, id.as_str()).await?.ok_or_else(|| none_such(kind))?)
}

fn account_id(id: &str) -> Result<ExternalId, Error> {
    ExternalId::new(id).map_err(|_| Error::new(Cause::NotFound, "there is no such User"))
}
