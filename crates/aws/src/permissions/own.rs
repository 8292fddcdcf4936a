//! The policies of whoever the connector signs in as, as the authorization details bring them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_iam::types::{AttachedPolicy, EntityType, GroupDetail, PolicyDetail, RoleDetail, UserDetail};
use keyreeve_connector::{Error, Identity, Next};
use keyreeve_policy::{Document, Policy, PolicySet};

use super::escalation::{Administrator, Holder, OF_AWS, Surroundings};
use crate::AwsConnector;
use crate::arn::name_of;
use crate::error::Call;
use crate::page::{PAGE_SIZE, next};
use crate::policy_document::decode;

/// Whose policies were found, and what they are.
#[derive(Debug, Clone)]
pub struct OwnPolicies {
    /// The ARN of the user, or of the role behind the session, with its path.
    pub holder: String,
    /// Its policies, those of its groups, and its boundary.
    pub policies: PolicySet,
    /// The names of its groups.
    pub groups: Vec<String>,
    /// What is known of the account, for judging how far they reach.
    pub surroundings: Surroundings,
    /// ARNs of the other users.
    pub users: Vec<String>,
    /// ARNs of the groups.
    pub group_arns: Vec<String>,
}

/// Everything that decides on what somebody may do.
#[derive(Default)]
pub(super) struct Details {
    users: Vec<UserDetail>,
    pub(super) groups: Vec<GroupDetail>,
    roles: Vec<RoleDetail>,
    pub(super) documents: BTreeMap<String, Option<Arc<Document>>>,
}

impl OwnPolicies {
    /// The policies with whose they are.
    #[must_use]
    pub fn held(&self) -> Holder<'_> {
        let username = self.holder.contains(":user/").then(|| name_of(&self.holder)).flatten();
        Holder::from(&self.policies).called(username)
    }
}

impl AwsConnector {
    /// Reads the policies of `identity`. `None` for somebody who has none that can be read: the account's root, a
    /// federated user, or who is not among those that are listed.
    ///
    /// # Errors
    /// When the details cannot be read.
    pub async fn own_policies(&self, identity: &Identity) -> Result<Option<OwnPolicies>, Error> {
        let details = self.details().await?;
        // The id of a session begins with that of its role; its ARN leaves out the role's path.
        let id = identity.external_id.split(':').next().unwrap_or_default();
        let mut found = details.of_user(id).or_else(|| details.of_role(id));
        if let Some((_, policies, _)) = found.as_mut().filter(|(_, policies, _)| policies.boundary.is_none())
        {
            policies.boundary = self.boundary_of(&identity.arn).await.map(|arn| details.managed(&arn));
        }
        Ok(found.map(|(holder, policies, groups)| OwnPolicies {
            policies,
            groups,
            surroundings: details.surroundings(identity, id),
            users: details.others(id).filter_map(|user| user.arn().map(str::to_owned)).collect(),
            group_arns: details.groups.iter().filter_map(|group| group.arn().map(str::to_owned)).collect(),
            holder,
        }))
    }

    /// The details have been seen without the boundary (awsdocs/iam-user-guide#81), so a user is asked for by itself.
    async fn boundary_of(&self, arn: &str) -> Option<String> {
        let name = arn.contains(":user/").then(|| name_of(arn)).flatten()?;
        let answer = self.iam.get_user().user_name(name).send().await.ok()?;
        let boundary = answer.user()?.permissions_boundary()?;
        boundary.permissions_boundary_arn().map(str::to_owned)
    }

    async fn details(&self) -> Result<Details, Error> {
        let call = Call::read("GetAccountAuthorizationDetails", None);
        let mut details = Details::default();
        let mut marker: Option<String> = None;
        let mut seen = BTreeSet::new();
        loop {
            let mut request = self.iam.get_account_authorization_details().max_items(PAGE_SIZE);
            for kind in KINDS {
                request = request.filter(kind);
            }
            let answer = request.set_marker(marker).send().await.map_err(|error| call.failed(error))?;
            for policy in answer.policies() {
                let arn = call.required("Arn", policy.arn())?.to_owned();
                let in_force =
                    policy.policy_version_list().iter().find(|version| version.is_default_version());
                details.documents.insert(arn, in_force.and_then(|version| parsed(version.document())));
            }
            details.users.extend_from_slice(answer.user_detail_list());
            details.groups.extend_from_slice(answer.group_detail_list());
            details.roles.extend_from_slice(answer.role_detail_list());
            match next(answer.is_truncated(), answer.marker()) {
                Next::End => return Ok(details),
                Next::More(more) if seen.insert(more.0.clone()) => marker = Some(more.0),
                Next::More(_) | Next::MarkerMissing => return Err(call.unusable("Marker")),
            }
        }
    }
}

const ADMINISTRATOR: &str =
    r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}"#;

const ALL_OF_IAM: &str =
    r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:*", "Resource": "*"}]}"#;

const KINDS: [EntityType; 5] = [
    EntityType::User,
    EntityType::Group,
    EntityType::Role,
    EntityType::LocalManagedPolicy,
    EntityType::AwsManagedPolicy,
];

impl Details {
    pub(super) fn of_user(&self, id: &str) -> Option<(String, PolicySet, Vec<String>)> {
        let user = self.users.iter().find(|user| user.user_id() == Some(id))?;
        let arn = user.arn()?.to_owned();
        let mut identity = self.held(&arn, user.user_policy_list(), user.attached_managed_policies());
        for name in user.group_list() {
            let group = self.groups.iter().find(|group| group.group_name() == Some(name));
            match group {
                Some(group) => {
                    let of = group.arn().unwrap_or(name);
                    identity.extend(self.held(
                        of,
                        group.group_policy_list(),
                        group.attached_managed_policies(),
                    ));
                }
                None => identity.push(Policy::unreadable(format!("the policies of group {name}"))),
            }
        }
        let boundary = user.permissions_boundary().map(|one| one.permissions_boundary_arn());
        Some((arn, self.set(identity, boundary), user.group_list().to_vec()))
    }

    fn of_role(&self, id: &str) -> Option<(String, PolicySet, Vec<String>)> {
        let role = self.roles.iter().find(|role| role.role_id() == Some(id))?;
        let arn = role.arn()?.to_owned();
        let identity = self.held(&arn, role.role_policy_list(), role.attached_managed_policies());
        let boundary = role.permissions_boundary().map(|one| one.permissions_boundary_arn());
        Some((arn, self.set(identity, boundary), Vec::new()))
    }

    fn set(&self, identity: Vec<Policy>, boundary: Option<Option<&str>>) -> PolicySet {
        let boundary = boundary.map(|arn| match arn {
            Some(arn) => self.managed(arn),
            None => Policy::unreadable("the permissions boundary"),
        });
        PolicySet { identity, boundary, ..PolicySet::default() }
    }

    pub(super) fn held(
        &self,
        holder: &str,
        inline: &[PolicyDetail],
        attached: &[AttachedPolicy],
    ) -> Vec<Policy> {
        let inline = inline.iter().map(|policy| {
            let name = format!("{} of {holder}", policy.policy_name().unwrap_or("an inline policy"));
            Policy { name, document: parsed(policy.policy_document()) }
        });
        let attached = attached.iter().map(|policy| self.managed(policy.policy_arn().unwrap_or_default()));
        inline.chain(attached).collect()
    }

    /// A managed policy; a document that did not come is not known. Not every answer brings those of AWS, and two of
    /// them are known by their names (AWS Managed Policy Reference, "AdministratorAccess", "IAMFullAccess").
    pub(super) fn managed(&self, arn: &str) -> Policy {
        let came = self.documents.get(arn).cloned().flatten();
        let known = || {
            let texts = OF_AWS.into_iter().zip([ADMINISTRATOR, ALL_OF_IAM]);
            let mut named = texts.filter(|(name, _)| arn.ends_with(&format!(":iam::aws:policy/{name}")));
            named.next().map(|(_, text)| Document::parse(text).ok())
        };
        let document = came.or_else(|| known().flatten().map(Arc::new));
        Policy { name: arn.to_owned(), document }
    }

    pub(super) fn others(&self, id: &str) -> impl Iterator<Item = &UserDetail> {
        self.users.iter().filter(move |user| user.user_id() != Some(id))
    }

    /// Who else can do everything in the account, and which groups make it so.
    fn surroundings(&self, identity: &Identity, id: &str) -> Surroundings {
        let mut surroundings = Surroundings::of(&identity.partition, identity.account_id.as_str());
        let place = surroundings.clone();
        let makes_alone = |identity| {
            let set = PolicySet { identity, ..PolicySet::default() };
            place.makes_administrator(&set)
        };
        let of_aws = OF_AWS.map(|name| place.of_aws(name));
        let everything: BTreeSet<&str> = self
            .documents
            .keys()
            .chain(&of_aws)
            .map(String::as_str)
            .filter(|arn| makes_alone(vec![self.managed(arn)]))
            .collect();
        surroundings.administrator_policies = everything
            .iter()
            .filter(|arn| !of_aws.iter().any(|of| of == *arn))
            .map(ToString::to_string)
            .collect();
        surroundings.unread = self.unread(id);
        // The policy by which it is so.
        let makes = |inline: &[PolicyDetail], attached: &[AttachedPolicy]| {
            let managed = attached.iter().filter_map(AttachedPolicy::policy_arn);
            let managed = managed.filter(|arn| everything.contains(arn)).find_map(name_of).map(str::to_owned);
            let own = || {
                let inline =
                    inline.iter().find(|one| makes_alone(self.held("", std::slice::from_ref(one), &[])))?;
                Some(format!("its inline policy {}", inline.policy_name().unwrap_or("without a name")))
            };
            managed.or_else(own)
        };
        let mut by_group: BTreeMap<&str, String> = BTreeMap::new();
        for group in &self.groups {
            let found = makes(group.group_policy_list(), group.attached_managed_policies());
            let (Some(by), Some(name), Some(arn)) = (found, group.group_name(), group.arn()) else {
                continue;
            };
            surroundings.administrator_groups.push(Administrator { arn: arn.to_owned(), by: by.clone() });
            by_group.insert(name, format!("{} through group {name}", by.replace("its inline", "the inline")));
        }
        for user in self.others(id) {
            let own = makes(user.user_policy_list(), user.attached_managed_policies());
            let through = || user.group_list().iter().find_map(|name| by_group.get(name.as_str()).cloned());
            let Some(by) = own.or_else(through) else { continue };
            // What one policy allows, a boundary or another policy may take away.
            let found = user.user_id().and_then(|id| self.of_user(id));
            let (Some((arn, policies, _)), Some(_)) = (found, user.arn()) else { continue };
            if place.makes_administrator(&policies) {
                surroundings.administrators.push(Administrator { arn, by });
            }
        }
        self.add_who_becomes_one(&mut surroundings, id);
        surroundings
    }
}

impl Details {
    /// Policies that could not be read, and who of the others holds one.
    fn unread(&self, id: &str) -> Vec<Administrator> {
        let first = |policies: Vec<Policy>| policies.into_iter().find(|policy| policy.document.is_none());
        let of_users = self.others(id).filter_map(|user| {
            let held = self.held("", user.user_policy_list(), user.attached_managed_policies());
            Some(Administrator { arn: user.arn()?.to_owned(), by: first(held)?.name })
        });
        let of_groups = self.groups.iter().filter_map(|group| {
            let held = self.held("", group.group_policy_list(), group.attached_managed_policies());
            Some(Administrator { arn: group.arn()?.to_owned(), by: first(held)?.name })
        });
        let unread = self.documents.iter().filter(|(_, document)| document.is_none());
        let policies = unread.map(|(arn, _)| Administrator { arn: arn.clone(), by: String::new() });
        of_users.chain(of_groups).chain(policies).collect()
    }
}

fn parsed(document: Option<&str>) -> Option<Arc<Document>> {
    document.and_then(decode).and_then(|text| Document::parse(&text).ok()).map(Arc::new)
}
