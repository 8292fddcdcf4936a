//! Where a policy is for, and what its options name there.

use keyreeve_model::AwsAccountId;

use super::PolicyError;
use crate::arn::Arn;

/// One partition, and one AWS account in it or whichever the policy is attached in.
#[derive(Debug, Clone)]
pub(super) struct Place {
    partition: String,
    account: String,
}

impl Place {
    /// `partition` must be shaped like one, so that partitions unknown today can be used.
    pub(super) fn of(partition: &str, account_id: Option<&str>) -> Result<Self, PolicyError> {
        let shaped = partition.len() <= 32
            && partition.split('-').all(|part| {
                !part.is_empty()
                    && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            });
        if !shaped || partition.split('-').next() != Some("aws") {
            return Err(PolicyError::Partition(shown(partition)));
        }
        match account_id {
            Some(id) if AwsAccountId::new(id).is_err() => Err(PolicyError::Account(shown(id))),
            id => Ok(Self { partition: partition.to_owned(), account: id.unwrap_or("*").to_owned() }),
        }
    }

    /// A resource of the account: `user/staff/*`.
    pub(super) fn arn(&self, resource: &str) -> String {
        format!("arn:{}:iam::{}:{resource}", self.partition, self.account)
    }

    /// A policy of AWS.
    pub(super) fn aws_policy(&self, name: &str) -> String {
        format!("arn:{}:iam::aws:policy/{name}", self.partition)
    }

    /// The users under a path: `/staff/`, or `/staff/*`.
    pub(super) fn users_under(&self, path: &str) -> Result<String, PolicyError> {
        Ok(self.arn(&format!("user{}*", path_of("--path", path)?)))
    }

    /// Groups by name, by ARN, or all under a path.
    pub(super) fn groups(&self, given: &str) -> Result<Vec<String>, PolicyError> {
        self.named("--groups", given, &["group"], true)
    }

    /// Policies that may be attached, by ARN; its name may have wildcards.
    pub(super) fn policies(&self, given: &str) -> Result<String, PolicyError> {
        if !given.starts_with("arn:") {
            let why = "write the policy's ARN, which may end in a wildcard: arn:aws:iam::123456789012:policy/staff/*";
            return Err(option("--policies", given, why));
        }
        self.arn_of("--policies", given, &["policy"], true)
    }

    /// The boundary, by its whole ARN.
    pub(super) fn boundary(&self, given: &str) -> Result<String, PolicyError> {
        if !given.starts_with("arn:") {
            return Err(option("--boundary", given, "write the policy's whole ARN"));
        }
        self.arn_of("--boundary", given, &["policy"], false)
    }

    /// The connector itself: a user's name, the ARN of a user, a role or a role's session.
    pub(super) fn connector(&self, given: &str) -> Result<Vec<String>, PolicyError> {
        let session = Arn::parse(given).and_then(|arn| arn.resource.strip_prefix("assumed-role/"));
        match session.and_then(|session| session.split_once('/')) {
            // The ARN of a session leaves out the role's path.
            Some((role, _)) => {
                self.check("--connector", given)?;
                name_of("--connector", role)?;
                Ok(self.anywhere("role", role))
            }
            None => self.named("--connector", given, &["user", "role"], false),
        }
    }

    /// Accounts that nothing may change: by name, by ARN, or all under a path.
    pub(super) fn break_glass(&self, given: &str) -> Result<Vec<String>, PolicyError> {
        self.named("--break-glass", given, &["user"], true)
    }

    /// All users whose path begins with `prefix`, which may stop in the middle of a part. Wildcards in it are meant as
    /// they stand.
    pub(super) fn users_with_prefix(&self, prefix: &str) -> String {
        let literal: String = prefix
            .chars()
            .map(|char| match char {
                '*' | '?' | '$' => format!("${{{char}}}"),
                other => other.to_string(),
            })
            .collect();
        // A path ends in a slash, so one must follow; otherwise names at its front would fit, too.
        let rest = if prefix.ends_with('/') { "*" } else { "*/*" };
        self.arn(&format!("user{literal}{rest}"))
    }

    fn named(
        &self,
        name: &'static str,
        given: &str,
        kinds: &[&str],
        several: bool,
    ) -> Result<Vec<String>, PolicyError> {
        let kind = kinds.first().copied().unwrap_or("user");
        if given.starts_with("arn:") {
            return Ok(vec![self.arn_of(name, given, kinds, several)?]);
        }
        if given.starts_with('/') && several {
            return Ok(vec![self.arn(&format!("{kind}{}*", path_of(name, given)?))]);
        }
        name_of(name, given)?;
        Ok(self.anywhere(kind, given))
    }

    /// By name, at whichever path: names are unique in an account, whatever their path (IAM User Guide, "IAM
    /// identifiers").
    fn anywhere(&self, kind: &str, name: &str) -> Vec<String> {
        vec![self.arn(&format!("{kind}/{name}")), self.arn(&format!("{kind}/*/{name}"))]
    }

    /// An ARN of this partition and account that names resources of one of `kinds`.
    fn arn_of(
        &self,
        name: &'static str,
        given: &str,
        kinds: &[&str],
        wildcards: bool,
    ) -> Result<String, PolicyError> {
        let arn = self.check(name, given)?;
        let of_kind = |kind: &&str| {
            arn.resource
                .strip_prefix(*kind)
                .and_then(|rest| rest.strip_prefix('/'))
                .is_some_and(|rest| !rest.is_empty() && (wildcards || !rest.ends_with('/')))
        };
        if !kinds.iter().any(of_kind) {
            return Err(option(
                name,
                given,
                &format!("its last part must begin with {}/", kinds.join("/ or ")),
            ));
        }
        if !wildcards && arn.resource.contains(['*', '?']) {
            return Err(option(name, given, "it must name exactly one, without wildcards"));
        }
        Ok(given.to_owned())
    }

    /// Whether an ARN is of this partition and account, and can stand in a policy as it is.
    fn check<'a>(&self, name: &'static str, given: &'a str) -> Result<Arn<'a>, PolicyError> {
        let refuse = |why: &str| Err(option(name, given, why));
        let Some(arn) = Arn::parse(given).filter(|_| given.bytes().all(|byte| byte.is_ascii_graphic()))
        else {
            return refuse("that is no ARN");
        };
        if given.len() > 2048 || given.contains("${") {
            return refuse("an ARN has at most 2048 characters, and no policy variables");
        }
        if arn.partition != self.partition {
            return refuse(&format!(
                "it is in the partition {}, but the policy is for {}",
                shown(arn.partition),
                self.partition
            ));
        }
        let own = arn.account_id().is_some_and(|id| self.account == "*" || id.as_str() == self.account);
        let of_aws = arn.is_aws_owned() && arn.resource.starts_with("policy/");
        if !own && !of_aws {
            return refuse(&match self.account.as_str() {
                "*" => "it names no AWS account".to_owned(),
                id => format!("it is not of AWS account {id}"),
            });
        }
        Ok(arn)
    }
}

/// `/staff/` of `/staff/` and `/staff/*` (IAM service model, `pathType`, without what would be a wildcard).
fn path_of<'a>(name: &'static str, given: &'a str) -> Result<&'a str, PolicyError> {
    let path = given.strip_suffix("/*").map_or(given, |rest| given.get(..=rest.len()).unwrap_or(given));
    let refuse = |why: &str| Err(option(name, given, why));
    if !path.starts_with('/') || !path.ends_with('/') {
        return refuse("a path begins and ends with a slash, like /staff/");
    }
    if path.len() > 512 || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return refuse("a path has at most 512 characters, of printable ASCII without spaces");
    }
    if path.contains(['*', '?', '$']) {
        return refuse("a path has no wildcards: whatever lies below it is meant, too");
    }
    Ok(path)
}

/// The name of a user, group or role (IAM service model: `[\w+=,.@-]+`, up to 128).
fn name_of(name: &'static str, given: &str) -> Result<(), PolicyError> {
    let fits = (1..=128).contains(&given.len())
        && given.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte));
    if fits {
        Ok(())
    } else {
        Err(option(name, given, "that is neither a name, an ARN, nor a path like /staff/*"))
    }
}

fn option(name: &'static str, given: &str, why: &str) -> PolicyError {
    PolicyError::Option { name, given: shown(given), why: why.to_owned() }
}

fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}
