//! AWS Organizations, as far as finding the accounts of an organization needs it. It speaks JSON 1.1.

use serde_json::{Value, json};

use super::{Answer, Call};
use crate::organization::{Member, Organization, Unit};
use crate::protocol::error::ApiError;
use crate::protocol::marker::Cursor;
use crate::protocol::paging::{Entry, Listing, cursor_of, list_id};
use crate::protocol::xml::Xml;

/// The most entries that a page may have, and has when nothing is asked for (service model, `MaxResults`).
const LARGEST_PAGE: u32 = 20;

/// The organization of the caller's account.
fn organization(call: &Call<'_>) -> Result<Organization, ApiError> {
    call.world.organization().filter(|one| one.members.contains_key(&call.caller.account)).ok_or_else(|| {
        let why = "Your account is not a member of an organization.";
        ApiError::new(400, "AWSOrganizationsNotInUseException", why)
    })
}

/// The same for who may look at all of it: the management account and delegated administrators (API Reference, each
/// operation).
fn whole(call: &Call<'_>) -> Result<Organization, ApiError> {
    let why = "You don't have permissions to access this resource.";
    let may_look = |one: &Organization| one.may_look(&call.caller.account);
    organization(call).and_then(|one| match may_look(&one) {
        true => Ok(one),
        false => Err(ApiError::new(400, "AccessDenied", why)),
    })
}

pub(super) fn describe_organization(call: &Call<'_>) -> Answer {
    let one = organization(call)?;
    let management = &one.management_account;
    said(json!({"Organization": {
        "Id": one.id,
        "Arn": one.arn("organization", None),
        "FeatureSet": "ALL",
        "MasterAccountArn": one.arn("account", Some(management)),
        "MasterAccountId": management,
        "MasterAccountEmail": email(management),
        "AvailablePolicyTypes": [{"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"}],
    }}))
}

pub(super) fn list_accounts(call: &Call<'_>) -> Answer {
    let one = whole(call)?;
    let entries = one.members.iter().map(|(id, member)| (id.clone(), account(&one, id, member)));
    page(call, "Accounts", entries.collect())
}

pub(super) fn list_accounts_for_parent(call: &Call<'_>) -> Answer {
    let one = whole(call)?;
    let parent = parent(call, &one)?;
    let inside = one.members.iter().filter(|(_, member)| member.parent == parent);
    page(call, "Accounts", inside.map(|(id, member)| (id.clone(), account(&one, id, member))).collect())
}

pub(super) fn list_organizational_units_for_parent(call: &Call<'_>) -> Answer {
    let one = whole(call)?;
    let parent = parent(call, &one)?;
    let inside = one.units.iter().filter(|(_, unit)| unit.parent == parent);
    page(
        call,
        "OrganizationalUnits",
        inside.map(|(id, one_of)| (id.clone(), unit(&one, id, one_of))).collect(),
    )
}

pub(super) fn list_roots(call: &Call<'_>) -> Answer {
    let one = whole(call)?;
    let arn = one.arn("root", Some(&one.root));
    let root = json!({"Id": one.root, "Arn": arn, "Name": "Root", "PolicyTypes": []});
    page(call, "Roots", vec![(one.root.clone(), root)])
}

pub(super) fn list_parents(call: &Call<'_>) -> Answer {
    let one = whole(call)?;
    let child = required(call, "ChildId")?;
    let of_account = one.members.get(child).map(|member| &member.parent);
    let parent = of_account.or_else(|| one.units.get(child).map(|unit| &unit.parent)).ok_or_else(|| {
        let why = "You specified a child that doesn't exist.";
        ApiError::new(400, "ChildNotFoundException", why)
    })?;
    let kind = if *parent == one.root { "ROOT" } else { "ORGANIZATIONAL_UNIT" };
    page(call, "Parents", vec![(parent.clone(), json!({"Id": parent, "Type": kind}))])
}

pub(super) fn list_tags_for_resource(call: &Call<'_>) -> Answer {
    let one = whole(call)?;
    let id = required(call, "ResourceId")?;
    let of_account = one.members.get(id).map(|member| &member.tags);
    let tags = of_account.or_else(|| one.units.get(id).map(|unit| &unit.tags)).cloned();
    let tags = match tags {
        Some(tags) => tags,
        None if id == one.root => Default::default(),
        None => {
            let why = "You specified a target that doesn't exist.";
            return Err(ApiError::new(400, "TargetNotFoundException", why));
        }
    };
    let tags = tags.into_iter().map(|(key, value)| (key.clone(), json!({"Key": key, "Value": value})));
    page(call, "Tags", tags.collect())
}

pub(super) fn describe_account(call: &Call<'_>) -> Answer {
    let one = whole(call)?;
    let id = required(call, "AccountId")?;
    let member = one.members.get(id).ok_or_else(|| {
        let why = "You specified an account that doesn't exist.";
        ApiError::new(400, "AccountNotFoundException", why)
    })?;
    said(json!({"Account": account(&one, id, member)}))
}

fn account(one: &Organization, id: &str, member: &Member) -> Value {
    let mut account = json!({
        "Id": id,
        "Arn": one.arn("account", Some(id)),
        "Email": email(id),
        "Name": member.name,
        "State": member.state.as_str(),
        "JoinedMethod": if member.invited { "INVITED" } else { "CREATED" },
        "JoinedTimestamp": member.joined.as_second(),
    });
    if let (Some(fields), Some(status)) = (account.as_object_mut(), member.state.status()) {
        fields.insert("Status".to_owned(), json!(status));
    }
    account
}

fn unit(one: &Organization, id: &str, unit: &Unit) -> Value {
    json!({"Id": id, "Arn": one.arn("ou", Some(id)), "Name": unit.name})
}

fn email(account: &str) -> String {
    format!("aws+{account}@example.com")
}

fn parent<'a>(call: &'a Call<'_>, one: &Organization) -> Result<&'a str, ApiError> {
    let id = required(call, "ParentId")?;
    match one.has_parent(id) {
        true => Ok(id),
        false => {
            Err(ApiError::new(400, "ParentNotFoundException", "You specified parent that doesn't exist."))
        }
    }
}

fn required<'a>(call: &'a Call<'_>, name: &str) -> Result<&'a str, ApiError> {
    call.params.get(name).filter(|value| !value.is_empty()).ok_or_else(|| invalid("INPUT_REQUIRED"))
}

fn invalid(reason: &str) -> ApiError {
    ApiError::new(400, "InvalidInputException", format!("You specified an invalid value. ({reason})"))
}

/// One page of a listing: at most twenty entries, and `NextToken` while more follow.
fn page(call: &Call<'_>, list: &str, mut entries: Vec<(String, Value)>) -> Answer {
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    let id = list_id(&call.account.id, call.action, call.params);
    let cursor: Cursor =
        cursor_of(call.params, id, call.world.salt).map_err(|_| invalid("INVALID_NEXT_TOKEN"))?;
    let most = call.params.number("MaxItems", LARGEST_PAGE, 1, LARGEST_PAGE);
    let listing = Listing {
        list: id,
        salt: call.world.salt,
        cursor,
        max_items: most.map_err(|_| invalid("MAX_VALUE_EXCEEDED"))?,
        style: call.world.options.list_pages,
        fault: call.page_fault.as_ref(),
        omitted: &call.omitted,
        starts: &call.world.starts,
    };
    let page = listing.page(|after| {
        let rest: Vec<Entry<Value>> = entries
            .iter()
            .filter(|(key, _)| after.is_none_or(|after| key.as_str() > after))
            .map(|(key, item)| Entry::new(key.as_str(), key.as_str(), item.clone()))
            .collect();
        rest.into_iter()
    });
    let mut answer = serde_json::Map::new();
    answer.insert(list.to_owned(), Value::Array(page.items));
    if let Some(token) = page.marker {
        answer.insert("NextToken".to_owned(), Value::String(token));
    }
    said(Value::Object(answer))
}

fn said(answer: Value) -> Answer {
    let mut text = Xml::default();
    text.raw(&answer.to_string());
    Ok(Some(text))
}
