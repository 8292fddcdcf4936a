use std::collections::BTreeSet;
use std::time::Duration;

use keyreeve_model::PermissionProfile;

use super::code::{cause, explain, quotable};
use super::*;

/// Every error that the service models declare for the operations used: by the import, by the reference policy and by
/// the changes that build on it (botocore 1.43's `iam/2010-05-08` and `sts/2011-06-15`; `SimulatePrincipalPolicy` and the
/// like included).
const DECLARED: &[(&[&str], &str, u16, Cause)] = &[
    (
        &[
            "ListUsers",
            "ListGroups",
            "ListPolicies",
            "GetAccountAuthorizationDetails",
            "GetLoginProfile",
            "GenerateCredentialReport",
            "GetCredentialReport",
            "GetUser",
            "GetAccountSummary",
            "CreateUser",
            "DeleteUser",
            "CreateLoginProfile",
            "UpdateLoginProfile",
            "DeleteLoginProfile",
            "AddUserToGroup",
            "RemoveUserFromGroup",
            "AttachUserPolicy",
            "DetachUserPolicy",
            "UpdateUser",
            "ListAccessKeys",
            "CreateAccessKey",
            "UpdateAccessKey",
            "DeleteAccessKey",
            "ListMFADevices",
            "DeactivateMFADevice",
            "DeleteVirtualMFADevice",
            "ListSigningCertificates",
            "UpdateSigningCertificate",
            "DeleteSigningCertificate",
            "ListUserPolicies",
            "GetUserPolicy",
            "PutUserPolicy",
            "DeleteUserPolicy",
            "PutUserPermissionsBoundary",
            "DeleteUserPermissionsBoundary",
            "TagUser",
            "UntagUser",
            "ListUserTags",
            "GetAccountPasswordPolicy",
            "ListGroupsForUser",
            "ListAttachedUserPolicies",
            "GetGroup",
            "GetPolicy",
            "GetPolicyVersion",
            "AttachGroupPolicy",
            "DetachGroupPolicy",
            "CreatePolicy",
        ],
        "ServiceFailure",
        500,
        Cause::Unknown,
    ),
    (
        &[
            "GetLoginProfile",
            "GetUser",
            "CreateUser",
            "DeleteUser",
            "CreateLoginProfile",
            "UpdateLoginProfile",
            "DeleteLoginProfile",
            "AddUserToGroup",
            "RemoveUserFromGroup",
            "AttachUserPolicy",
            "DetachUserPolicy",
            "UpdateUser",
            "ListAccessKeys",
            "CreateAccessKey",
            "UpdateAccessKey",
            "DeleteAccessKey",
            "ListMFADevices",
            "DeactivateMFADevice",
            "DeleteVirtualMFADevice",
            "ListSigningCertificates",
            "UpdateSigningCertificate",
            "DeleteSigningCertificate",
            "ListSSHPublicKeys",
            "UpdateSSHPublicKey",
            "DeleteSSHPublicKey",
            "ListServiceSpecificCredentials",
            "UpdateServiceSpecificCredential",
            "DeleteServiceSpecificCredential",
            "ListUserPolicies",
            "GetUserPolicy",
            "PutUserPolicy",
            "DeleteUserPolicy",
            "PutUserPermissionsBoundary",
            "DeleteUserPermissionsBoundary",
            "TagUser",
            "UntagUser",
            "ListUserTags",
            "GetAccountPasswordPolicy",
            "ListGroupsForUser",
            "ListAttachedUserPolicies",
            "GetGroup",
            "GetPolicy",
            "GetPolicyVersion",
            "SimulatePrincipalPolicy",
            "AttachGroupPolicy",
            "DetachGroupPolicy",
        ],
        "NoSuchEntity",
        404,
        Cause::Gone,
    ),
    (&["GenerateCredentialReport"], "LimitExceeded", 409, Cause::Throttled(None)),
    (
        &[
            "CreateUser",
            "DeleteUser",
            "CreateLoginProfile",
            "UpdateLoginProfile",
            "DeleteLoginProfile",
            "AddUserToGroup",
            "RemoveUserFromGroup",
            "AttachUserPolicy",
            "DetachUserPolicy",
            "UpdateUser",
            "CreateAccessKey",
            "UpdateAccessKey",
            "DeleteAccessKey",
            "DeactivateMFADevice",
            "DeleteVirtualMFADevice",
            "UpdateSigningCertificate",
            "DeleteSigningCertificate",
            "PutUserPolicy",
            "DeleteUserPolicy",
            "TagUser",
            "AttachGroupPolicy",
            "DetachGroupPolicy",
            "CreatePolicy",
        ],
        "LimitExceeded",
        409,
        Cause::Permanent,
    ),
    (&["GetCredentialReport"], "ReportNotPresent", 410, Cause::Gone),
    (&["GetCredentialReport"], "ReportExpired", 410, Cause::Gone),
    (&["GetCredentialReport"], "ReportInProgress", 404, Cause::Busy),
    (
        &["CreateUser", "CreateLoginProfile", "UpdateUser", "CreatePolicy"],
        "EntityAlreadyExists",
        409,
        Cause::AlreadyThere,
    ),
    (
        &[
            "CreateUser",
            "AttachUserPolicy",
            "DetachUserPolicy",
            "UpdateAccessKey",
            "UpdateSigningCertificate",
            "UpdateSSHPublicKey",
            "PutUserPermissionsBoundary",
            "TagUser",
            "ListAttachedUserPolicies",
            "GetPolicy",
            "GetPolicyVersion",
            "SimulatePrincipalPolicy",
            "AttachGroupPolicy",
            "DetachGroupPolicy",
            "CreatePolicy",
        ],
        "InvalidInput",
        400,
        Cause::Permanent,
    ),
    (
        &[
            "CreateUser",
            "DeleteUser",
            "UpdateUser",
            "DeactivateMFADevice",
            "DeleteVirtualMFADevice",
            "DeleteSigningCertificate",
            "TagUser",
            "UntagUser",
            "CreatePolicy",
        ],
        "ConcurrentModification",
        409,
        Cause::Busy,
    ),
    (&["DeleteUser", "DeleteVirtualMFADevice"], "DeleteConflict", 409, Cause::Dependants),
    (&["CreateLoginProfile", "UpdateLoginProfile"], "PasswordPolicyViolation", 400, Cause::PasswordRefused),
    (
        &["UpdateLoginProfile", "DeleteLoginProfile", "UpdateUser", "DeactivateMFADevice"],
        "EntityTemporarilyUnmodifiable",
        409,
        Cause::Busy,
    ),
    (
        &["AttachUserPolicy", "PutUserPermissionsBoundary", "AttachGroupPolicy"],
        "PolicyNotAttachable",
        400,
        Cause::Permanent,
    ),
    (&["ListServiceSpecificCredentials"], "NotSupportedService", 404, Cause::Permanent),
    (&["PutUserPolicy", "CreatePolicy", "AssumeRole"], "MalformedPolicyDocument", 400, Cause::Permanent),
    (&["SimulatePrincipalPolicy"], "PolicyEvaluation", 500, Cause::Unknown),
    (&["AssumeRole"], "PackedPolicyTooLarge", 400, Cause::Permanent),
    (&["AssumeRole"], "RegionDisabledException", 403, Cause::Permanent),
    (&["AssumeRole"], "ExpiredTokenException", 400, Cause::CredentialBad),
];

fn is_sts(operation: &str) -> bool {
    matches!(operation, "GetCallerIdentity" | "AssumeRole")
}

#[test]
fn every_declared_error_has_its_cause_with_and_without_the_suffix() {
    for &(operations, code, status, expected) in DECLARED {
        for operation in operations {
            let bare = code.strip_suffix("Exception").unwrap_or(code);
            for spelled in [bare.to_owned(), format!("{bare}Exception")] {
                let found = cause(operation, is_sts(operation), status, Some(&spelled), None);
                assert_eq!(found, expected, "{operation} {spelled} {status}");
            }
        }
    }
}

#[test]
fn the_table_covers_every_action_a_profile_grants() {
    let covered: BTreeSet<_> =
        DECLARED.iter().flat_map(|(operations, ..)| operations.iter().copied()).collect();
    for action in crate::profile_actions(PermissionProfile::Full) {
        assert!(covered.contains(action.trim_start_matches("iam:")), "{action}");
    }
}

#[test]
fn common_errors_have_their_causes() {
    use Cause::{CredentialBad, Denied, Permanent, Throttled, Unknown};
    let cases: &[(u16, Option<&str>, Cause)] = &[
        (400, Some("Throttling"), Throttled(None)),
        (400, Some("ThrottlingException"), Throttled(None)),
        (503, Some("Throttling"), Throttled(None)),
        (503, Some("SlowDown"), Throttled(None)),
        (400, Some("RequestLimitExceeded"), Throttled(None)),
        (429, Some("TooManyRequestsException"), Throttled(None)),
        (429, None, Throttled(None)),
        (403, Some("AccessDenied"), Denied),
        (403, Some("AccessDeniedException"), Denied),
        (403, Some("UnauthorizedOperation"), Denied),
        (403, Some("ExpiredToken"), CredentialBad),
        (400, Some("ExpiredTokenException"), CredentialBad),
        (403, Some("InvalidClientTokenId"), CredentialBad),
        (403, Some("SignatureDoesNotMatch"), CredentialBad),
        (400, Some("RequestExpired"), CredentialBad),
        (403, Some("MissingAuthenticationToken"), CredentialBad),
        (400, Some("IncompleteSignature"), CredentialBad),
        (400, Some("ValidationError"), Permanent),
        (400, Some("InvalidAction"), Permanent),
        (403, Some("OptInRequired"), Permanent),
        (409, Some("UnmodifiableEntity"), Permanent),
        (409, Some("LimitExceeded"), Permanent),
        (418, Some("SomethingNew"), Permanent),
        (403, None, Permanent),
        (301, None, Permanent),
        (408, None, Unknown),
        (200, None, Unknown),
        (200, Some("NoSuchEntity"), Unknown),
        (500, Some("InternalFailure"), Unknown),
        (503, Some("ServiceUnavailable"), Unknown),
        (500, Some("NoSuchEntity"), Unknown),
        (500, Some("SomethingNew"), Unknown),
        (502, None, Unknown),
    ];
    for &(status, code, expected) in cases {
        assert_eq!(cause("ListUsers", false, status, code, None), expected, "{status} {code:?}");
    }
}

#[test]
fn a_quota_is_throttling_only_for_the_credential_report() {
    let limit = |operation| cause(operation, false, 409, Some("LimitExceeded"), None);
    assert_eq!(limit("GenerateCredentialReport"), Cause::Throttled(None));
    assert_eq!(limit("CreateUser"), Cause::Permanent);
}

#[test]
fn access_denied_by_sts_is_a_bad_credential() {
    assert_eq!(cause("AssumeRole", true, 403, Some("AccessDenied"), None), Cause::CredentialBad);
}

#[test]
fn a_named_wait_is_kept_within_reason() {
    let wait = |text| cause("ListUsers", false, 429, None, Some(text));
    assert_eq!(wait("7"), Cause::Throttled(Some(Duration::from_secs(7))));
    assert_eq!(wait("86400"), Cause::Throttled(Some(Duration::from_secs(300))));
    assert_eq!(wait("soon"), Cause::Throttled(None));
}

#[test]
fn what_was_signed_is_never_repeated() {
    let said = "The request signature we calculated does not match. The Canonical String for this request should \
                have been\n'POST\n/\n\nx-amz-security-token:CANARY'\n\nThe String-to-Sign should have been\n'AWS4-HMAC-SHA256'";
    let incomplete = "Authorization header requires 'Signature' parameter. Authorization=AWS4-HMAC-SHA256 Credential=CANARY";
    for said in [said, incomplete, "Signature=CANARY", "Credential=CANARY"] {
        assert!(!quotable(said).contains("CANARY"), "{said}");
        let text = explain(Cause::CredentialBad, 403, Some("SignatureDoesNotMatch"), Some(said));
        assert!(!text.contains("CANARY") && text.contains("secret access key"), "{text}");
    }
    let text = explain(Cause::CredentialBad, 400, Some("IncompleteSignature"), Some(incomplete));
    assert!(!text.contains("CANARY"), "{text}");
}

#[test]
fn a_wrong_clock_is_called_one() {
    let said = "Signature expired: 20260101T000000Z is now earlier than 20260101T004500Z (20260101T010000Z - 15 min.)";
    let text = explain(Cause::CredentialBad, 403, Some("SignatureDoesNotMatch"), Some(said));
    assert!(text.contains("clock") && text.contains("20260101T004500Z"), "{text}");
    let text = explain(Cause::CredentialBad, 400, Some("RequestExpired"), None);
    assert!(text.contains("clock"), "{text}");
    let text = explain(Cause::CredentialBad, 403, Some("SignatureDoesNotMatch"), Some("it does not match"));
    assert!(!text.contains("clock"), "{text}");
}

#[test]
fn control_characters_of_a_message_do_not_survive() {
    let text = explain(Cause::Denied, 403, Some("AccessDenied"), Some("no\u{1b}[2J\r\nway"));
    assert_eq!(text, "no [2J way");
}
