//! What each feature of a system needs, and whether some policies grant it.

use std::collections::BTreeSet;

use keyreeve_model::{FirstSignIn, PermissionProfile, SystemSettings};
use keyreeve_policy::{
    Context, ContextValue, Decision, PolicySet, Request, Target, Truth, Verdict, evaluate,
};

use super::actions::IAM_ACTIONS;
use super::escalation::Surroundings;
use super::generate::CHANGE_PASSWORD;
use super::profile::profile_actions;

/// A feature with what it takes.
#[derive(Debug, Clone)]
pub struct Feature {
    /// A stable word for programs.
    pub name: &'static str,
    /// Whether the system's settings switch it on.
    pub on: bool,
    /// Whether Keyreeve can do without it when it is denied.
    pub optional: bool,
    /// What it needs.
    pub needs: Vec<Need>,
}

/// One action on something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// The action, as policies name it.
    pub action: &'static str,
    /// What it is about.
    pub on: On,
    /// The policy that is attached or detached, where it is certain which one.
    pub policy: Option<String>,
}

/// What an action is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// It supports no resources.
    Nothing,
    /// A user.
    User,
    /// A group.
    Group,
    /// A virtual multi-factor device.
    Device,
}

/// Whether something needed is granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Granted {
    /// On everything it can be about.
    Everywhere,
    /// On some of it, or where these keys of the request fit.
    Somewhere(BTreeSet<String>),
    /// Certainly not.
    No,
    /// It depends on these keys, which are not known, or on policies that could not be read.
    Unknown(BTreeSet<String>),
}

/// All features, those that are switched off included.
#[must_use]
pub fn features(settings: &SystemSettings, partition: &str) -> Vec<Feature> {
    let profile = settings.permission_profile;
    let more = matches!(profile, PermissionProfile::Lifecycle | PermissionProfile::Full);
    let changes = more || profile == PermissionProfile::Reference;
    let reads = profile != PermissionProfile::Reference;
    let feature = |name, on, needs: Vec<Need>| Feature { name, on, optional: false, needs };
    let optional = |name, on, needs| Feature { optional: true, ..feature(name, on, needs) };
    let change_password = format!("arn:{partition}:iam::aws:policy/{CHANGE_PASSWORD}");
    let deny_all = settings.deny_all_policy.as_ref();
    let attached = |action, policy: Option<&String>| {
        policy.map(|arn| Need { policy: Some(arn.clone()), ..Need::of(action, On::User) })
    };
    let or_more =
        |few: &[&'static str], all: &[&'static str]| users(&[few, if more { all } else { &[] }].concat());
    // What every plan reads, whatever it is about.
    let planned = |needs: Vec<Need>| [nothing(&PLANNING), needs].concat();
    let mut deactivate = or_more(&PASSWORD_AWAY, &[LIST_CREDENTIALS, SET_CREDENTIALS].concat());
    deactivate.extend(attached("iam:AttachUserPolicy", deny_all));
    let mut reactivate = or_more(
        &["iam:GetLoginProfile", "iam:CreateLoginProfile"],
        &[LIST_CREDENTIALS, SET_CREDENTIALS].concat(),
    );
    reactivate.extend(attached("iam:DetachUserPolicy", deny_all));
    let mut delete = users(&[PASSWORD_AWAY.as_slice(), &["iam:DetachUserPolicy", "iam:DeleteUser"]].concat());
    delete.push(Need::of("iam:RemoveUserFromGroup", On::Group));
    let mut blockers = users(&[LIST_CREDENTIALS.as_slice(), &DELETE_CREDENTIALS, &BLOCKERS].concat());
    blockers.push(Need::of("iam:DeleteVirtualMFADevice", On::Device));
    let mut import = nothing(&[
        "iam:ListUsers",
        "iam:ListGroups",
        "iam:ListPolicies",
        "iam:GetAccountAuthorizationDetails",
    ]);
    import.extend(users(&["iam:GetLoginProfile"]));
    let mut look = nothing(&["iam:GetAccountSummary"]);
    look.extend(or_more(&["iam:GetUser"], &["iam:ListGroupsForUser", "iam:ListAttachedUserPolicies"]));
    let attach = changes && settings.first_sign_in == FirstSignIn::Attach;
    let members = ["iam:AddUserToGroup", "iam:RemoveUserFromGroup"].map(|action| Need::of(action, On::Group));
    vec![
        feature("import", true, import),
        optional(
            "credential_report",
            reads,
            nothing(&["iam:GenerateCredentialReport", "iam:GetCredentialReport"]),
        ),
        optional("single_reads", reads, look),
        feature("create_account", changes, planned(users(&["iam:CreateUser", "iam:CreateLoginProfile"]))),
        feature(
            "first_sign_in",
            attach,
            attached("iam:AttachUserPolicy", Some(&change_password)).into_iter().collect(),
        ),
        optional("password_policy", more, nothing(&["iam:GetAccountPasswordPolicy"])),
        feature(
            "reset_password",
            changes,
            planned(users(&["iam:GetLoginProfile", "iam:CreateLoginProfile", "iam:UpdateLoginProfile"])),
        ),
        feature("deactivate_account", changes, planned(deactivate)),
        feature("reactivate_account", changes, planned(reactivate)),
        feature("delete_account", changes, planned(delete)),
        feature("delete_blockers", more, blockers),
        feature("group_assignments", changes, planned(members.to_vec())),
        feature(
            "policy_assignments",
            changes,
            planned(users(&["iam:AttachUserPolicy", "iam:DetachUserPolicy"])),
        ),
        feature("rename_account", more, planned(users(&["iam:UpdateUser"]))),
        feature("tags", more, planned(users(&["iam:TagUser", "iam:UntagUser"]))),
        feature(
            "permissions_boundary",
            profile == PermissionProfile::Full,
            planned(users(&["iam:PutUserPermissionsBoundary", "iam:DeleteUserPermissionsBoundary"])),
        ),
    ]
}

const LIST_CREDENTIALS: [&str; 4] = [
    "iam:ListAccessKeys",
    "iam:ListSSHPublicKeys",
    "iam:ListSigningCertificates",
    "iam:ListServiceSpecificCredentials",
];

const SET_CREDENTIALS: [&str; 4] = [
    "iam:UpdateAccessKey",
    "iam:UpdateSSHPublicKey",
    "iam:UpdateSigningCertificate",
    "iam:UpdateServiceSpecificCredential",
];

const DELETE_CREDENTIALS: [&str; 4] = [
    "iam:DeleteAccessKey",
    "iam:DeleteSSHPublicKey",
    "iam:DeleteSigningCertificate",
    "iam:DeleteServiceSpecificCredential",
];

/// What else blocks a deletion.
const BLOCKERS: [&str; 4] =
    ["iam:ListMFADevices", "iam:DeactivateMFADevice", "iam:GetUserPolicy", "iam:DeleteUserPolicy"];

/// Who there is and what each holds: without these nothing can be planned.
const PLANNING: [&str; 2] = ["iam:ListUsers", "iam:GetAccountAuthorizationDetails"];

/// Whether there is a console password is looked at before it is taken.
const PASSWORD_AWAY: [&str; 2] = ["iam:GetLoginProfile", "iam:DeleteLoginProfile"];

fn users(actions: &[&'static str]) -> Vec<Need> {
    actions.iter().map(|action| Need::of(action, On::User)).collect()
}

fn nothing(actions: &[&'static str]) -> Vec<Need> {
    actions.iter().map(|action| Need::of(action, On::Nothing)).collect()
}

impl Need {
    fn of(action: &'static str, on: On) -> Self {
        Self { action, on, policy: None }
    }

    /// Whether `policies` grant it somewhere in the account.
    #[must_use]
    pub fn granted(&self, policies: &PolicySet, place: &Surroundings, profile: PermissionProfile) -> Granted {
        let target = match self.on {
            On::Nothing => Target::NoResource,
            On::User => Target::Pattern(place.all("user")),
            On::Group => Target::Pattern(place.all("group")),
            On::Device => Target::Pattern(place.all("mfa")),
        };
        granted(evaluate(policies, &self.request(target, profile)))
    }

    /// Whether `policies` certainly grant it on this resource.
    #[must_use]
    pub fn is_granted_on(&self, policies: &PolicySet, arn: &str, profile: PermissionProfile) -> bool {
        evaluate(policies, &self.request(Target::Arn(arn.to_owned()), profile)).verdict == Verdict::Allow
    }

    fn request(&self, target: Target, profile: PermissionProfile) -> Request {
        let mut context = Context::open();
        if let Some(arn) = &self.policy {
            context = context.with("iam:PolicyARN", arn.clone());
        }
        // A boundary is sent under no other profile.
        if self.action == "iam:CreateUser" && profile != PermissionProfile::Full {
            context = context.with_value("iam:PermissionsBoundary", ContextValue::Absent);
        }
        Request::new(self.action).on(target).within(context)
    }
}

fn granted(decision: Decision) -> Granted {
    let keys: BTreeSet<String> = decision.depends_on.iter().map(|key| key.to_lowercase()).collect();
    match (decision.verdict, decision.on_some_resource()) {
        (Verdict::Allow, _) => Granted::Everywhere,
        (Verdict::Deny, _) => Granted::No,
        (Verdict::Unknown, Truth::True) => Granted::Somewhere(BTreeSet::new()),
        // What is about the very request, or about whom it is, is ours to choose.
        _ if !keys.is_empty() && keys.iter().all(|key| is_ours(key)) => Granted::Somewhere(as_named(keys)),
        _ => Granted::Unknown(as_named(keys)),
    }
}

/// Keys in the case in which AWS writes them; their case means nothing to it.
fn as_named(keys: BTreeSet<String>) -> BTreeSet<String> {
    const KEYS: [&str; 8] = [
        "iam:PolicyARN",
        "iam:PermissionsBoundary",
        "aws:TagKeys",
        "aws:SourceIp",
        "aws:CurrentTime",
        "aws:MultiFactorAuthPresent",
        "aws:PrincipalArn",
        "aws:SecureTransport",
    ];
    const FAMILIES: [&str; 4] =
        ["aws:ResourceTag/", "iam:ResourceTag/", "aws:RequestTag/", "aws:PrincipalTag/"];
    let named = |key: String| {
        if let Some(known) = KEYS.iter().find(|known| known.eq_ignore_ascii_case(&key)) {
            return (*known).to_owned();
        }
        let family = FAMILIES.iter().find_map(|family| {
            let rest = key.get(family.len()..)?;
            key.get(..family.len())?.eq_ignore_ascii_case(family).then(|| format!("{family}{rest}"))
        });
        family.unwrap_or(key)
    };
    keys.into_iter().map(named).collect()
}

fn is_ours(key: &str) -> bool {
    let keys = ["iam:policyarn", "iam:permissionsboundary", "aws:tagkeys"];
    let families = ["aws:resourcetag/", "iam:resourcetag/", "aws:requesttag/"];
    keys.contains(&key) || families.iter().any(|family| key.starts_with(family))
}

/// Changes in IAM that the policies certainly allow somewhere, and that no feature makes under any profile.
#[must_use]
pub fn beyond_features(policies: &PolicySet, place: &Surroundings) -> Vec<String> {
    let known = profile_actions(PermissionProfile::Full);
    let reads = ["Get", "List", "Generate", "Simulate"];
    let others = IAM_ACTIONS.iter().filter(|(action, _)| !reads.iter().any(|read| action.starts_with(read)));
    others
        .map(|(action, kinds)| (format!("iam:{action}"), kinds))
        .filter(|(action, _)| !known.contains(&action.as_str()))
        .filter(|(action, kinds)| {
            let somewhere = |target| {
                evaluate(policies, &Request::new(action.as_str()).on(target)).on_some_resource()
                    == Truth::True
            };
            match kinds.as_slice() {
                [] => somewhere(Target::NoResource),
                // To replace one's own key is a feature; on whatever comes it is none.
                _ if action == "iam:CreateAccessKey" => {
                    place.any_of("user").into_iter().all(|arn| somewhere(Target::Arn(arn)))
                }
                kinds => kinds.iter().any(|kind| somewhere(Target::Pattern(place.all(kind)))),
            }
        })
        .map(|(action, _)| action)
        .collect()
}

#[cfg(test)]
mod tests;
