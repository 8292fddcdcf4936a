//! From the SDK's paging fields to a page.

use std::collections::BTreeSet;

use keyreeve_connector::{Error, Marker, Next, Page};
use keyreeve_model::AwsAccountId;

use crate::arn::Arn;
use crate::error::Call;

/// The most entries a page may have; IAM allows 1 to 1000.
pub(crate) const PAGE_SIZE: i32 = 1000;

/// How the listing goes on. Only `IsTruncated` counts, never the number of entries: IAM may return fewer than
/// asked for although more follow (IAM API Reference, every `List…` operation).
pub(crate) fn next(is_truncated: bool, marker: Option<&str>) -> Next {
    match (is_truncated, marker) {
        (false, _) => Next::End,
        (true, Some(marker)) if !marker.is_empty() => Next::More(Marker(marker.to_owned())),
        (true, _) => Next::MarkerMissing,
    }
}

/// Gathers the entries of a page and the AWS accounts that their ARNs belong to.
pub(crate) struct PageBuilder<'a, T> {
    call: &'a Call,
    items: Vec<T>,
    account_ids: BTreeSet<AwsAccountId>,
}

impl<'a, T> PageBuilder<'a, T> {
    pub(crate) fn new(call: &'a Call, capacity: usize) -> Self {
        Self { call, items: Vec::with_capacity(capacity), account_ids: BTreeSet::new() }
    }

    /// Adds an entry whose ARN must name an AWS account, or AWS itself.
    pub(crate) fn push(&mut self, item: T, arn: impl FnOnce(&T) -> &str) -> Result<(), Error> {
        self.note(arn(&item))?;
        self.add(item);
        Ok(())
    }

    /// Notes whose ARN this is, without an entry.
    pub(crate) fn note(&mut self, arn: &str) -> Result<(), Error> {
        note_account(self.call, arn, &mut self.account_ids)
    }

    /// Adds an entry that has no ARN.
    pub(crate) fn add(&mut self, item: T) {
        self.items.push(item);
    }

    pub(crate) fn finish(self, is_truncated: bool, marker: Option<&str>) -> Page<T> {
        Page { items: self.items, next: next(is_truncated, marker), account_ids: self.account_ids }
    }
}

/// Notes the AWS account of an ARN; an ARN that names none is refused, because then nobody could tell whose
/// entry it is.
pub(crate) fn note_account(
    call: &Call,
    arn: &str,
    account_ids: &mut BTreeSet<AwsAccountId>,
) -> Result<(), Error> {
    let parsed = Arn::parse(arn).ok_or_else(|| call.unusable("Arn"))?;
    if parsed.is_aws_owned() {
        return Ok(());
    }
    let known = account_ids.iter().any(|id| id.as_str() == parsed.account);
    if !known {
        account_ids.insert(parsed.account_id().ok_or_else(|| call.unusable("Arn"))?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_flag_ends_a_listing() {
        assert_eq!(next(false, None), Next::End);
        assert_eq!(next(false, Some("m")), Next::End);
        assert_eq!(next(true, Some("m")), Next::More(Marker("m".into())));
        assert_eq!(next(true, Some("")), Next::MarkerMissing);
        assert_eq!(next(true, None), Next::MarkerMissing);
    }

    #[test]
    fn accounts_are_gathered_and_aws_itself_is_left_out() {
        let call = Call::read("ListPolicies", None);
        let mut page = PageBuilder::new(&call, 5);
        let mut push = |arn: &str| page.push(arn.to_owned(), |item| item);
        push("arn:aws:iam::111122223333:policy/a").unwrap();
        push("arn:aws:iam::aws:policy/b").unwrap();
        push("arn:aws:iam::111122223333:policy/c").unwrap();
        assert!(push("policy/d").is_err());
        assert!(push("arn:aws:iam::root:policy/d").is_err());
        let page = page.finish(false, None);
        assert_eq!(page.items.len(), 3);
        assert_eq!(page.account_ids.iter().map(AwsAccountId::as_str).collect::<Vec<_>>(), ["111122223333"]);
    }
}
