//! Amazon resource names, as far as the connector needs to read them.

use keyreeve_model::AwsAccountId;

/// The parts of an ARN, `arn:partition:service:region:account:resource` (AWS General Reference, "ARN format").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arn<'a> {
    pub(crate) partition: &'a str,
    pub(crate) account: &'a str,
    pub(crate) resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Splits an ARN; `None` when it has too few parts or does not begin with `arn:`.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let (scheme, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
        let (_region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
        let whole = scheme == "arn" && !partition.is_empty() && !service.is_empty() && !resource.is_empty();
        whole.then_some(Self { partition, account, resource })
    }

    /// Whether this is one of AWS's own policies, whose account is written `aws`.
    pub(crate) fn is_aws_owned(&self) -> bool {
        self.account == "aws"
    }

    /// The AWS account, where the ARN names one.
    pub(crate) fn account_id(&self) -> Option<AwsAccountId> {
        AwsAccountId::new(self.account).ok()
    }
}

/// The last part of the ARN of a user or policy: `ana` of `arn:aws:iam::123456789012:user/team/ana`. Neither kind of
/// name holds a `/`.
pub(crate) fn name_of(arn: &str) -> Option<&str> {
    arn.rsplit_once('/').map(|(_, name)| name).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_tells_partition_and_account() {
        let arn = Arn::parse("arn:aws-cn:iam::123456789012:user/a:b/ana").unwrap();
        assert_eq!((arn.partition, arn.account, arn.resource), ("aws-cn", "123456789012", "user/a:b/ana"));
        assert_eq!(arn.account_id().unwrap().as_str(), "123456789012");
        let own = Arn::parse("arn:aws:iam::aws:policy/AdministratorAccess").unwrap();
        assert!(own.is_aws_owned() && own.account_id().is_none());
        for bad in
            ["", "arn", "arn:aws:iam::123456789012", "urn:aws:iam::123456789012:user/x", "arn:aws:iam:::"]
        {
            assert!(Arn::parse(bad).is_none(), "{bad}");
        }
        assert_eq!(name_of("arn:aws:iam::123456789012:user/x,y/a,b"), Some("a,b"));
        assert_eq!(name_of("arn:aws:iam::123456789012:user/"), None);
    }
}
