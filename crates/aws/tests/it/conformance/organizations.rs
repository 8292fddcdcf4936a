//! AWS Organizations: pages, the tree, tags, and who may look.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_organizations::Client;
use aws_sdk_organizations::types::Account;
use keyreeve_sandbox::{MemberSeed, MemberState, OrganizationSeed, Population};

use super::world::{Clients, Key, World, answered, ensure, refused};
use super::{Check, Outcome, checks};

pub(super) const CHECKS: &[Check] = checks![
    "describe_organization.names_its_owner", "Organizations API Reference, DescribeOrganization" => describe;
    "describe_organization.outside_of_any_is_refused", "service model, AWSOrganizationsNotInUseException" => outside;
    "list_accounts.pages_have_20_at_most", "service model, MaxResults: 1 to 20" => default_page;
    "list_accounts.max_results_is_honoured", "Organizations API Reference, ListAccounts" => max_results;
    "list_accounts.pages_join_to_the_whole", "Organizations API Reference, ListAccounts" => whole;
    "list_accounts.max_results_21_is_refused", "service model, MaxResults: 1 to 20" => too_many;
    "list_accounts.bogus_token_is_refused", "service model, InvalidInputException: INVALID_NEXT_TOKEN" => bogus;
    "list_accounts.names_the_state", "service model, Account: State" => state;
    "list_accounts.by_a_member_is_refused", "Organizations API Reference, ListAccounts: management account or delegated administrator" => member;
    "tree.holds_every_account_once", "Organizations API Reference, ListAccountsForParent" => tree;
    "list_accounts_for_parent.of_unknown_is_refused", "service model, ParentNotFoundException" => unknown_parent;
    "list_units_for_parent.of_unknown_is_refused", "service model, ParentNotFoundException" => unknown_parent_of_units;
    "list_parents.gives_the_unit", "Organizations API Reference, ListParents" => parents;
    "list_tags_for_resource.gives_keys_and_values", "Organizations API Reference, ListTagsForResource" => tags;
    "list_tags_for_resource.of_unknown_is_refused", "service model, TargetNotFoundException" => unknown_target;
    "describe_account.of_unknown_is_refused", "service model, AccountNotFoundException" => unknown_account;
    "assume_role.into_a_member", "Organizations User Guide, Accessing member accounts" => assume;
];

/// Members besides the owner: more than one page.
const MEMBERS: usize = 23;
const UNIT: &str = "Production";

/// What the sandbox begins with.
pub(super) fn seed(management: &str) -> OrganizationSeed {
    let nobody = Population { users: 0, groups: 0, customer_policies: 0, roles: 0 };
    let mut seed = OrganizationSeed::of(management);
    for number in 0..MEMBERS {
        seed.accounts.push(MemberSeed {
            account_id: format!("5000000000{number:02}"),
            name: format!("member-{number}"),
            unit: if number < 2 { "/Workloads/Production".to_owned() } else { "/".to_owned() },
            state: if number == 5 { MemberState::Suspended } else { MemberState::Active },
            tags: if number == 0 {
                BTreeMap::from([("stage".into(), "prod".into())])
            } else {
                BTreeMap::new()
            },
            population: nobody,
        });
    }
    seed
}

/// The same on an emulator, as far as it can.
pub(super) async fn write(client: &Client) {
    use aws_sdk_organizations::types::{OrganizationFeatureSet, Tag};
    let _ = client.create_organization().feature_set(OrganizationFeatureSet::All).send().await;
    let Ok(roots) = client.list_roots().send().await else { return };
    let Some(root) = roots.roots().first().and_then(|root| root.id()).map(str::to_owned) else { return };
    let unit = async |parent: &str, name: &str| {
        let made = client.create_organizational_unit().parent_id(parent).name(name).send().await.ok()?;
        Some(made.organizational_unit()?.id()?.to_owned())
    };
    let Some(workloads) = unit(&root, "Workloads").await else { return };
    let Some(production) = unit(&workloads, UNIT).await else { return };
    for number in 0..MEMBERS {
        let (name, email) = (format!("member-{number}"), format!("m{number}@example.com"));
        let Ok(made) = client.create_account().account_name(name).email(email).send().await else { return };
        let Some(id) = made.create_account_status().and_then(|made| made.account_id()).map(str::to_owned)
        else {
            return;
        };
        if number < 2 {
            let moved = client.move_account().account_id(&id).source_parent_id(&root);
            let _ = moved.destination_parent_id(&production).send().await;
        }
        if number == 0 {
            let tag = Tag::builder().key("stage").value("prod").build().unwrap();
            let _ = client.tag_resource().resource_id(&id).tags(tag).send().await;
        }
        if number == 5 {
            let _ = client.close_account().account_id(&id).send().await;
        }
    }
}

async fn all(world: &World) -> Result<Vec<Account>, String> {
    let (mut found, mut token) = (Vec::new(), None);
    loop {
        let request = world.organizations.list_accounts().max_results(7).set_next_token(token);
        let page = answered(request.send().await)?;
        found.extend(page.accounts().iter().cloned());
        token = page.next_token().map(str::to_owned);
        if token.is_none() {
            return Ok(found);
        }
        ensure(found.len() < 200, || "the listing does not end".into())?;
    }
}

async fn named(world: &World, name: &str) -> Result<String, String> {
    let found = all(world).await?.into_iter().find(|account| account.name() == Some(name));
    found.and_then(|account| account.id).ok_or_else(|| format!("there is no account {name}"))
}

async fn describe(world: &World) -> Outcome {
    let answer = answered(world.organizations.describe_organization().send().await)?;
    let one = answer.organization().ok_or("it gives no organization")?;
    let owner = one.master_account_id().unwrap_or_default();
    ensure(owner == world.account_id && one.id().unwrap_or_default().starts_with("o-"), || {
        format!("its owner is {owner}")
    })
}

async fn outside(world: &World) -> Outcome {
    let answer = world.organizations_outside.describe_organization().send().await;
    refused(answer, 400, "AWSOrganizationsNotInUseException")
}

async fn default_page(world: &World) -> Outcome {
    let page = answered(world.organizations.list_accounts().send().await)?;
    let count = page.accounts().len();
    ensure(count <= 20 && page.next_token().is_some(), || format!("the page has {count} entries"))
}

async fn max_results(world: &World) -> Outcome {
    let page = answered(world.organizations.list_accounts().max_results(5).send().await)?;
    let count = page.accounts().len();
    ensure(count <= 5 && page.next_token().is_some(), || format!("the page has {count} entries"))
}

async fn whole(world: &World) -> Outcome {
    let found = all(world).await?;
    let ids: BTreeSet<_> = found.iter().filter_map(|account| account.id()).collect();
    ensure(found.len() == MEMBERS + 1 && ids.len() == found.len(), || {
        format!("the pages join to {} entries, {} accounts", found.len(), ids.len())
    })
}

async fn too_many(world: &World) -> Outcome {
    let answer = world.organizations.list_accounts().max_results(21).send().await;
    refused(answer, 400, "InvalidInputException")
}

async fn bogus(world: &World) -> Outcome {
    let answer = world.organizations.list_accounts().next_token("bogus").send().await;
    refused(answer, 400, "InvalidInputException")
}

async fn state(world: &World) -> Outcome {
    let found = all(world).await?;
    let state = |name: &str| {
        let one = found.iter().find(|account| account.name() == Some(name));
        one.and_then(|account| account.state().map(|state| state.as_str().to_owned()))
    };
    let (active, closed) = (state("member-0"), state("member-5"));
    ensure(active.as_deref() == Some("ACTIVE") && closed.as_deref() == Some("SUSPENDED"), || {
        format!("they are {active:?} and {closed:?}")
    })
}

async fn member(world: &World) -> Outcome {
    let session = into_member(world).await?;
    let client = super::world::organizations(&world.organizations_endpoint, &session);
    refused(client.list_accounts().send().await, 400, "AccessDeniedException")
}

async fn into_member(world: &World) -> Result<Key, String> {
    let id = named(world, "member-3").await?;
    let clients = Clients::new(&world.organizations_endpoint, &world.management_key);
    let role = format!("arn:aws:iam::{id}:role/OrganizationAccountAccessRole");
    let answer =
        answered(clients.sts.assume_role().role_arn(role).role_session_name("keyreeve").send().await)?;
    let keys = answer.credentials().ok_or("it gives no credentials")?;
    let token = Some(keys.session_token().to_owned());
    Ok(Key { token, ..Key::new(keys.access_key_id(), keys.secret_access_key()) })
}

async fn assume(world: &World) -> Outcome {
    let session = into_member(world).await?;
    let identity = answered(
        Clients::new(&world.organizations_endpoint, &session).sts.get_caller_identity().send().await,
    )?;
    let (account, id) = (identity.account().unwrap_or_default(), named(world, "member-3").await?);
    ensure(account == id, || format!("the session is of {account}"))
}

async fn tree(world: &World) -> Outcome {
    let client = &world.organizations;
    let roots = answered(client.list_roots().send().await)?;
    let mut waiting: Vec<String> =
        roots.roots().iter().filter_map(|root| root.id().map(str::to_owned)).collect();
    let (mut accounts, mut units) = (Vec::new(), Vec::new());
    while let Some(parent) = waiting.pop() {
        let mut token = None;
        loop {
            let request = client.list_accounts_for_parent().parent_id(&parent).set_next_token(token);
            let page = answered(request.send().await)?;
            accounts.extend(page.accounts().iter().filter_map(|account| account.id().map(str::to_owned)));
            token = page.next_token().map(str::to_owned);
            if token.is_none() {
                break;
            }
        }
        let inside = answered(client.list_organizational_units_for_parent().parent_id(&parent).send().await)?;
        for unit in inside.organizational_units() {
            units.push(unit.name().unwrap_or_default().to_owned());
            waiting.push(unit.id().unwrap_or_default().to_owned());
        }
    }
    let unique: BTreeSet<_> = accounts.iter().collect();
    ensure(
        unique.len() == MEMBERS + 1 && accounts.len() == unique.len() && units == ["Workloads", UNIT],
        || format!("{} accounts, {} of them different, in {units:?}", accounts.len(), unique.len()),
    )
}

async fn unknown_parent(world: &World) -> Outcome {
    let request = world.organizations.list_accounts_for_parent().parent_id("ou-0000-00000000");
    refused(request.send().await, 400, "ParentNotFoundException")
}

async fn unknown_parent_of_units(world: &World) -> Outcome {
    let request = world.organizations.list_organizational_units_for_parent().parent_id("ou-0000-00000000");
    refused(request.send().await, 400, "ParentNotFoundException")
}

async fn parents(world: &World) -> Outcome {
    let id = named(world, "member-0").await?;
    let answer = answered(world.organizations.list_parents().child_id(id).send().await)?;
    let parent = answer.parents().first().and_then(|parent| parent.id()).unwrap_or_default();
    ensure(parent.starts_with("ou-"), || format!("its parent is {parent:?}"))
}

async fn tags(world: &World) -> Outcome {
    let id = named(world, "member-0").await?;
    let answer = answered(world.organizations.list_tags_for_resource().resource_id(id).send().await)?;
    let tags: Vec<_> = answer.tags().iter().map(|tag| (tag.key(), tag.value())).collect();
    ensure(tags == [("stage", "prod")], || format!("the tags are {tags:?}"))
}

async fn unknown_target(world: &World) -> Outcome {
    let request = world.organizations.list_tags_for_resource().resource_id("000000000000");
    refused(request.send().await, 400, "TargetNotFoundException")
}

async fn unknown_account(world: &World) -> Outcome {
    let request = world.organizations.describe_account().account_id("000000000000");
    refused(request.send().await, 400, "AccountNotFoundException")
}
