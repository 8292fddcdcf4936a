//! The account's password policy.

use super::{Done, Written};
use crate::actions::Call;
use crate::protocol::error::ApiError;
use crate::protocol::kind::{constraints, violation};
use crate::state::{PasswordPolicy, State};

/// A whole policy in place of the one before: what is not given falls back to AWS's value.
pub(in crate::actions) fn update(call: &Call<'_>, state: &mut State) -> Written {
    let mut wrong = Vec::new();
    let minimum_length = number(call, "MinimumPasswordLength", 6, 128, &mut wrong)?;
    let reuse_prevention = number(call, "PasswordReusePrevention", 1, 24, &mut wrong)?;
    let max_age_days = number(call, "MaxPasswordAge", 1, 1095, &mut wrong)?;
    if !wrong.is_empty() {
        return Err(constraints(&wrong));
    }
    let policy = PasswordPolicy {
        minimum_length: minimum_length.unwrap_or(PasswordPolicy::default().minimum_length),
        require_symbols: call.params.flag("RequireSymbols")?,
        require_numbers: call.params.flag("RequireNumbers")?,
        require_uppercase: call.params.flag("RequireUppercaseCharacters")?,
        require_lowercase: call.params.flag("RequireLowercaseCharacters")?,
        allow_users_to_change: call.params.flag("AllowUsersToChangePassword")?,
        max_age_days,
        reuse_prevention,
        hard_expiry: call.params.optional_flag("HardExpiry")?,
    };
    let before = state.password_policy.replace(policy);
    Ok(Done::silent(before != state.password_policy))
}

/// A whole number, or a word on what is wrong with it.
fn number(
    call: &Call<'_>,
    name: &str,
    least: u32,
    most: u32,
    wrong: &mut Vec<String>,
) -> Result<Option<u32>, ApiError> {
    if call.params.get(name).is_none() {
        return Ok(None);
    }
    let number = call.params.number(name, least, 0, u32::MAX)?;
    if number < least {
        wrong.push(violation(name, &format!("Member must have value greater than or equal to {least}")));
    } else if number > most {
        wrong.push(violation(name, &format!("Member must have value less than or equal to {most}")));
    }
    Ok(Some(number))
}

/// AWS's own rules hold from then on.
pub(in crate::actions) fn delete(_: &Call<'_>, state: &mut State) -> Written {
    let before = state.password_policy.take();
    before.map(|_| Done::silent(true)).ok_or_else(|| {
        ApiError::no_such_entity("The account policy with name PasswordPolicy cannot be found.")
    })
}
