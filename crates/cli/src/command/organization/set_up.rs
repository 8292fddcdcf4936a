//! What a person must do in AWS before the accounts can be entered.

use keyreeve_engine::organization::{Access, DEFAULT_ROLE, Discovered, DiscoveryReport, RoleName};

use crate::output::{hint, note, paragraph};

/// Says what is open: roles that do not let us in, and roles that let anybody in.
pub(super) fn advise(report: &DiscoveryReport, role: &RoleName) {
    let (mut closed, mut open) = (0_usize, 0_usize);
    for account in &report.accounts {
        closed += usize::from(account.access == Access::Failed);
        open += usize::from(account.open_without_external_id == Some(true));
    }
    if open > 0 {
        warn_of_open(open, role);
    }
    if closed == 0 {
        return;
    }
    paragraph(&format!(
        "{closed} of the accounts could not be entered. Their role {} must trust {} and ask for the external id of \
         its account. In the template of a CloudFormation stack set it is the same text for all of them:\n{}",
        role.name(),
        report.management_account,
        template(report, role)
    ));
    if report.accounts.iter().any(Discovered::failed) {
        hint(
            "give the roles this trust policy, then run the same command again: it tries them anew. The external \
              id of each account: --output csv",
        );
    }
}

/// A role without the condition can be entered by whoever gets the management account's principals to do so, also for
/// somebody else.
fn warn_of_open(open: usize, role: &RoleName) {
    let administrator = match role.name() {
        DEFAULT_ROLE => {
            " AWS Organizations makes it with AdministratorAccess and without that condition: it is \
             meant for people in an emergency. Make a role of its own for keyreeve, with the policy of `keyreeve policy \
             generate`, and give its name with --role-name."
        }
        _ => " Add the condition on sts:ExternalId to its trust policy.",
    };
    note(&format!(
        "WARNING: in {open} of the accounts the role {} also lets in who does not send the external id.{administrator}",
        role.name()
    ));
}

/// The role as a resource of a CloudFormation template. `${AWS::AccountId}` is the account that a stack is in.
fn template(report: &DiscoveryReport, role: &RoleName) -> String {
    let partition = &report.partition;
    let role = serde_json::json!({
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": role.name(),
            "Path": role.path(),
            "AssumeRolePolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [{
                    "Effect": "Allow",
                    "Principal": {
                        "AWS": format!("arn:{partition}:iam::{}:root", report.management_account)
                    },
                    "Action": "sts:AssumeRole",
                    "Condition": {
                        "StringEquals": {
                            "sts:ExternalId": { "Fn::Sub": report.external_id_of("${AWS::AccountId}") }
                        }
                    }
                }]
            }
        }
    });
    format!("{role:#}")
}
