//! Whether an account comes to do everything by what a task gives it.
//!
//! What customers' policies and groups say is taken from the last import, so no call is made for it. What is not known
//! there allows nothing here: a plan says what is certain. A denial on a condition, a second factor say, is let pass, and
//! so is a boundary whose text is not known, which is said.

use std::collections::{BTreeMap, BTreeSet};

use keyreeve_model::{Obstacle, ObstacleKind, Resource, ResourceType, SystemId, TaskKind, Wish};
use keyreeve_policy::{Context, Policy, PolicySet, Request, Target, Verdict, evaluate};
use keyreeve_store::{Store, StoreError};

use super::facts::{AccountFact, Facts};
use super::needs::present_names;
use super::policy_texts::parsed;
use super::{PlannedStep, draft};

/// Whoever may do one of these to themselves gives themselves whatever they lack.
const GIVING: [&str; 2] = ["iam:AttachUserPolicy", "iam:PutUserPolicy"];
/// AWS's policies that allow everything, or everything in IAM.
const OF_AWS: [(&str, &str); 2] = [("AdministratorAccess", "*"), ("IAMFullAccess", "iam:*")];

/// What policies and groups say, by the last import.
#[derive(Debug, Clone, Default)]
pub struct Texts {
    /// Of customers' policies, by ARN.
    policies: BTreeMap<String, String>,
    /// Of the inline policies of groups, by the group's name: the name of each, and what it says.
    groups: BTreeMap<String, Vec<(String, String)>>,
}

impl Texts {
    /// Reads what the policies and groups say that wishes or custom actions may give, and those that who gets them has.
    pub(super) async fn read(
        store: &Store,
        system: &SystemId,
        facts: &Facts,
        (wishes, resources): (&[Wish], &[Resource]),
    ) -> Result<Self, StoreError> {
        let Some(concerned) = Concerned::by(facts, wishes) else { return Ok(Self::default()) };
        let mut texts = Self::default();
        let is_group =
            |one: &&Resource| one.kind == ResourceType::Group && concerned.groups.contains(one.name.as_str());
        for group in resources.iter().filter(is_group) {
            let inline = group.inline_policies.as_deref().unwrap_or_default();
            let read = store.inline_documents(inline).await?.into_iter();
            let known = read.filter_map(|one| Some((one.name, one.document?)));
            texts.groups.insert(group.name.clone(), known.collect());
        }
        let is_policy = |one: &&Resource| {
            one.kind == ResourceType::Policy && concerned.policies.contains(one.arn.as_str())
        };
        let policies: Vec<&Resource> = resources.iter().filter(is_policy).collect();
        let mut said = store.default_documents(system, &policies).await?;
        for policy in policies {
            let text = said.remove(&policy.external_id);
            texts.policies.extend(text.map(|text| (policy.arn.clone(), text)));
        }
        Ok(texts)
    }
}

/// The groups and customers' policies that decide.
struct Concerned<'a> {
    groups: BTreeSet<&'a str>,
    policies: BTreeSet<&'a str>,
}

impl<'a> Concerned<'a> {
    /// `None` where no wish gives anything.
    fn by(facts: &'a Facts, wishes: &'a [Wish]) -> Option<Self> {
        let mut of = Self { groups: BTreeSet::new(), policies: BTreeSet::new() };
        for (name, wish) in present_names(wishes).into_iter().filter(|(_, wish)| may_give(wish.kind())) {
            if let Wish::CreateAccount { groups, policies, .. } = wish {
                of.groups.extend(groups.iter().map(String::as_str));
                of.policies.extend(policies.iter().map(String::as_str));
            }
            if let Wish::AddAssignment { resource, .. } = wish {
                of.groups.insert(resource.as_str());
                of.policies.insert(resource.as_str());
            }
            if let Some(account) = facts.account(name) {
                of.groups.extend(account.groups.iter().map(String::as_str));
                of.policies.extend(account.policies.iter().map(String::as_str));
                of.policies.extend(account.permissions_boundary.as_deref());
            }
        }
        if !wishes.iter().any(|wish| may_give(wish.kind())) {
            return None;
        }
        // Custom actions name what they give, as a rule.
        let rows = facts.mappings.iter().flat_map(|mapping| &mapping.custom_actions);
        for source in rows.flat_map(|action| &action.rows).map(|row| row.source.as_str()) {
            of.groups.insert(source);
            of.policies.insert(source);
        }
        let through = of.groups.iter().filter_map(|name| facts.group(name));
        of.policies.extend(through.flat_map(|group| group.policies.iter().map(String::as_str)));
        Some(of)
    }
}

/// Whether tasks of a kind give anybody anything.
fn may_give(kind: TaskKind) -> bool {
    !matches!(kind, TaskKind::DeleteAccount | TaskKind::DeactivateAccount | TaskKind::ResetPassword)
}

/// What a person should know of a task after which an account may do everything that could not before.
pub(super) fn notice(
    facts: &Facts,
    (kind, account): (TaskKind, &str),
    steps: &[PlannedStep],
) -> Option<Obstacle> {
    if !may_give(kind) {
        return None;
    }
    let before = facts.account(account).cloned();
    let made = || steps.iter().find_map(|step| draft::made(facts, &step.call));
    let mut after = before.clone().or_else(made)?;
    steps.iter().for_each(|step| draft::apply_to(&mut after, &step.call));
    if before.is_some_and(|before| power(facts, &before).is_some()) {
        return None;
    }
    let Power { all, by, unless } = power(facts, &after)?;
    let what = if all { "may do everything" } else { "may give itself every permission there is" };
    let (name, id) = (after.name.escape_debug(), &facts.account_id);
    let unless = unless.map_or_else(String::new, |arn| {
        format!("; whether its permissions boundary {arn} keeps it from that is not known")
    });
    let message = format!("with this, {name} {what} in AWS account {id} (by {by}){unless}");
    Some(Obstacle::new(ObstacleKind::Administrator, message))
}

/// What makes an account as strong as can be.
struct Power {
    /// Everything, and not merely what gives it everything.
    all: bool,
    by: String,
    /// The boundary whose text is not known.
    unless: Option<String>,
}

fn power(facts: &Facts, account: &AccountFact) -> Option<Power> {
    let context = Context::open().with("aws:username", account.name.clone());
    let set = PolicySet { identity: identity(facts, account), ..PolicySet::default() };
    let mut set = set.without_doubtful_denials(&context);
    let boundary = account.permissions_boundary.as_ref();
    let read = boundary.and_then(|arn| managed(facts, arn, arn.clone()));
    set.boundary = read.filter(|policy| policy.document.is_some());
    let unless = boundary.filter(|_| set.boundary.is_none()).cloned();
    let allowed = |action: &str, on: Target| {
        let request = Request::new(action).on(on).within(context.clone());
        let decision = evaluate(&set, &request);
        (decision.verdict == Verdict::Allow)
            .then(|| decision.because.first().map(|one| one.policy.clone()).unwrap_or_default())
    };
    let giving = GIVING.iter().find_map(|action| allowed(action, Target::Arn(account.arn.clone())))?;
    // What nobody but who may do everything may do together.
    let everything: Option<Vec<String>> = ["s3:DeleteBucket", "sts:AssumeRole", "iam:CreateUser"]
        .iter()
        .map(|action| allowed(action, Target::Pattern("*".to_owned())))
        .collect();
    let all = everything.is_some();
    let by = everything.and_then(|by| by.into_iter().next()).unwrap_or(giving);
    Some(Power { all, by, unless })
}

/// The policies of an account whose texts are known, each by the name that people are told.
fn identity(facts: &Facts, account: &AccountFact) -> Vec<Policy> {
    let short = |arn: &str| arn.rsplit('/').next().unwrap_or(arn).escape_debug().to_string();
    let mut policies: Vec<Policy> =
        account.policies.iter().filter_map(|arn| managed(facts, arn, short(arn))).collect();
    for name in &account.groups {
        let shown = name.escape_debug();
        let attached = facts.group(name).map(|group| &group.policies).or_else(|| facts.new_groups.get(name));
        let through = |arn: &String| managed(facts, arn, format!("{} through group {shown}", short(arn)));
        policies.extend(attached.into_iter().flatten().filter_map(through));
        for (inline, text) in facts.texts.groups.get(name).into_iter().flatten() {
            let called = format!("the inline policy {} of group {shown}", inline.escape_debug());
            policies.push(parsed(called, Some(text)));
        }
    }
    for (name, text) in &account.inline_documents {
        let called = format!("its inline policy {}", name.escape_debug());
        policies.extend(text.as_deref().map(|text| parsed(called, Some(text))));
    }
    policies
}

/// A managed policy: AWS's own as far as it decides, a customer's by its text; `None` where that is not known.
fn managed(facts: &Facts, arn: &str, called: String) -> Option<Policy> {
    if !arn.contains(":iam::aws:policy/") {
        return facts.texts.policies.get(arn).map(|text| parsed(called, Some(text)));
    }
    let text = |effect: &str, action: &str| {
        format!(
            r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "{effect}", "Action": "{action}", "Resource": "*"}}}}"#
        )
    };
    if arn == facts.aws_policy("AWSDenyAll") {
        return Some(parsed(called, Some(&text("Deny", "*"))));
    }
    let (_, action) = OF_AWS.iter().find(|(name, _)| arn == facts.aws_policy(name))?;
    Some(parsed(called, Some(&text("Allow", action))))
}
