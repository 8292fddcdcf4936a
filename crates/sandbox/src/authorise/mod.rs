//! Who may do what: the caller's policies, its boundary and its session's policies are evaluated on the resource
//! that AWS names for the action. What the evaluator does not know is refused.

mod context;
mod documents;
mod refusal;
mod resource;
mod rights;
mod rules;

use keyreeve_policy::{PolicySet, Request, ResourcePolicy, Target, Verdict, evaluate};

pub(crate) use self::documents::Documents;
pub use self::refusal::Refusal;
use self::resource::Resource;
use self::rights::Rights;
use crate::actions::{Call, Service};
use crate::protocol::error::ApiError;
use crate::state::{Role, State};

/// Refuses the call unless it is permitted. Everybody may ask who they are, and whether a role may be assumed depends
/// on the role as well ([`assume`]).
pub(crate) fn authorise(call: &Call<'_>, service: Service) -> Result<(), ApiError> {
    if call.action == "GetCallerIdentity" {
        return Ok(());
    }
    if is_denied_by_name(call) {
        return Err(denial(call, service));
    }
    if service == Service::Sts {
        return Ok(());
    }
    if service == Service::Organizations {
        return anywhere(call, service);
    }
    with_present(call, |state| {
        let rights = Rights::of(call, state);
        let Some(rule) = rules::of(call.action) else { return Err(denial(call, service)) };
        for resource in resource::of(call, state, rule.about) {
            let context = context::of(call, &rights, &rule, &resource);
            for action in rule.actions(call) {
                decide(&rights, &rights.policies, &action, &resource, context.clone())?;
            }
        }
        Ok(())
    })
}

/// Of a service whose actions here are about no resource of the account: policies must allow them on `*`.
fn anywhere(call: &Call<'_>, service: Service) -> Result<(), ApiError> {
    with_present(call, |state| {
        let rights = Rights::of(call, state);
        let resource = Resource::nothing("*".to_owned());
        let context = context::of_nothing(call, &rights, &resource);
        let action = format!("{}:{}", service.name(), call.action);
        decide(&rights, &rights.policies, &action, &resource, context)
    })
}

/// Refuses to let the caller assume this role unless the role trusts it and, where the trust alone does not suffice,
/// the caller's policies allow it.
pub(crate) fn assume(call: &Call<'_>, there: &State, role: &Role) -> Result<(), ApiError> {
    with_present(call, |state| {
        let rights = Rights::of(call, state);
        let resource = Resource::role(there, role);
        let trust =
            call.world.documents.policy("the role's trust policy", &role.trust_text(&there.partition));
        let policies = PolicySet {
            resource: Some(ResourcePolicy::trust(trust, there.account_id.to_string())),
            ..rights.policies.clone()
        };
        let context = context::of_assuming(call, &rights, &resource);
        decide(&rights, &policies, "sts:AssumeRole", &resource, context)
    })
}

/// The refusal of a role that is not there, in the words for one that does not trust the caller.
pub(crate) fn not_assumable(call: &Call<'_>, role_arn: &str) -> ApiError {
    Refusal::of_role(role_arn).error(&call.caller.arn)
}

fn decide(
    rights: &Rights,
    policies: &PolicySet,
    action: &str,
    resource: &Resource,
    context: keyreeve_policy::Context,
) -> Result<(), ApiError> {
    let request =
        Request::new(action).on(resource.target.clone()).by(rights.principal.clone()).within(context);
    let decision = evaluate(policies, &request);
    let by_account = !decision.explicit && rights.grants_to_itself(action, &resource.target);
    if decision.verdict == Verdict::Allow || by_account {
        return Ok(());
    }
    let refusal = Refusal::new(action, resource, &decision);
    Err(ApiError { refusal: Some(Box::new(refusal.clone())), ..refusal.error(&rights.arn) })
}

/// AWS's refusal of this call, for no reason that lies in a policy.
pub(crate) fn denial(call: &Call<'_>, service: Service) -> ApiError {
    let action = format!("{}:{}", service.name(), call.action);
    let about = rules::of(call.action).map(|rule| rule.about);
    let words = with_present(call, |state| {
        let resource = about.and_then(|about| resource::of(call, state, about).into_iter().next());
        resource.map(|resource| resource.words)
    });
    let words = words.or_else(|| call.params.get("RoleArn").map(str::to_owned));
    ApiError::access_denied(&call.caller.arn, &action, words.as_deref().unwrap_or("*"))
}

fn is_denied_by_name(call: &Call<'_>) -> bool {
    let caller = call.caller;
    let names = [Some(caller.arn.as_str()), caller.user.as_deref(), caller.role.as_deref()];
    let names: Vec<&str> = names.into_iter().flatten().collect();
    call.world.is_denied(&names, call.action)
}

/// Policies and resources count as they are, whatever the past is that a read is answered from. A write holds the
/// account's lock and sees the present already.
fn with_present<T>(call: &Call<'_>, look: impl FnOnce(&State) -> T) -> T {
    if call.seen.is_some() { look(call.state) } else { look(&call.account.history.present()) }
}

impl Resource {
    fn role(state: &State, role: &Role) -> Self {
        let arn = state.role_arn(role);
        Self {
            target: Target::Arn(arn.clone()),
            words: arn,
            tags: role.tags.clone(),
            boundary: role.boundary.clone(),
            by_iam_tag: true,
        }
    }
}
