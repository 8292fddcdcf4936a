//! Searching accounts by a part of what is written about them. The texts of the accounts that there are now are read once
//! for each run that is published; a search that finds few goes by their ids, and one that finds many by the list itself,
//! which then soon has a page together.

use std::sync::Arc;

use keyreeve_model::ExternalId;

use super::Reading;
use super::kept::Kept;
use crate::history::Versions;
use crate::row::Row;
use crate::statement::Statement;
use crate::transaction::Transaction;
use crate::{AccountFilter, Store, StoreError};

/// So many accounts at most are asked for by their ids.
const FEW: usize = 500;

/// The texts of the accounts of some systems, about 300 bytes each.
pub(crate) type Texts = Kept<AccountText, 150_000>;

/// What is written about an account, in lower case.
pub(crate) struct AccountText {
    external_id: ExternalId,
    /// Name, path and ARN, with line feeds between.
    plain: Box<str>,
    /// The tags, as JSON has them.
    tags: Box<str>,
}

impl AccountText {
    fn of(row: &Row) -> Result<Self, StoreError> {
        let (name, path, arn) = (row.text(1)?, row.text(2)?, row.text(3)?);
        // An ARN ends with path and name, so that whatever is in these is in it.
        let plain = match arn.strip_suffix(name.as_str()).is_some_and(|rest| rest.ends_with(path.as_str())) {
            true => arn,
            false => format!("{name}\n{path}\n{arn}"),
        };
        Ok(Self {
            external_id: row.word(0)?,
            plain: plain.to_ascii_lowercase().into(),
            tags: row.opt_text(4)?.unwrap_or_default().to_ascii_lowercase().into(),
        })
    }
}

impl Store {
    /// The accounts of now that have a text somewhere, if that are few; `None` where the list itself is to be searched.
    pub(super) async fn found_by_text(
        &self,
        transaction: &mut Transaction,
        reading: &Reading,
        filter: &AccountFilter,
    ) -> Result<Option<Vec<ExternalId>>, StoreError> {
        let Some(wanted) = filter.text.as_ref().filter(|wanted| !wanted.contains(['*', '?', '\n'])) else {
            return Ok(None);
        };
        if !matches!(reading.versions, Versions::Current) {
            return Ok(None);
        }
        let key = reading.system.key;
        let texts = match self.texts.get(key, reading.run) {
            Some(known) => known,
            None => {
                let columns = "SELECT v.external_id, v.name, v.path, v.arn, v.tags FROM account_versions v WHERE v.system_key = ";
                let mut text = Statement::building(columns);
                text.bind(key).push(" AND ");
                reading.versions.condition(&mut text, "v");
                let known: Arc<[AccountText]> =
                    transaction.fetch_together(text, 5, AccountText::of).await?.into();
                self.texts.keep(key, reading.run, &known);
                known
            }
        };
        let wanted = wanted.to_ascii_lowercase();
        let quoted = serde_json::Value::from(wanted.as_str()).to_string();
        let in_json = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
        let has = |one: &&AccountText| one.plain.contains(wanted.as_str()) || one.tags.contains(in_json);
        let found: Vec<ExternalId> =
            texts.iter().filter(has).take(FEW + 1).map(|one| one.external_id.clone()).collect();
        Ok((found.len() <= FEW).then_some(found))
    }
}
