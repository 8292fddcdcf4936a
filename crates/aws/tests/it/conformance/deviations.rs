//! Where look-alikes of AWS differ from it: in moto 5.2.1 and ministack 1.5.33, as measured and as their sources say.
//! The sandbox is not in this list.

/// One way in which a peer does not do as AWS does.
pub(super) struct Deviation {
    pub(super) peer: &'static str,
    /// Name of the check.
    pub(super) check: &'static str,
    /// What the peer does instead: a part of what the check reports.
    pub(super) instead: &'static str,
    /// Where that is written.
    pub(super) source: &'static str,
}

const fn moto(check: &'static str, instead: &'static str, source: &'static str) -> Deviation {
    Deviation { peer: "moto", check, instead, source }
}

const fn ministack(check: &'static str, instead: &'static str, source: &'static str) -> Deviation {
    Deviation { peer: "ministack", check, instead, source }
}

#[rustfmt::skip]
pub(super) const DEVIATIONS: &[Deviation] = &[
    moto("list_users.max_items_is_honoured", "more than MaxItems entries", "iam/models.py, list_users: MaxItems and Marker are ignored"),
    moto("list_users.bogus_marker_is_refused", "it answered with success", "iam/models.py, list_users: MaxItems and Marker are ignored"),
    moto("list_users.max_items_0_is_refused", "it answered with success", "iam/models.py, list_users: MaxItems and Marker are ignored"),
    moto("list_users.max_items_1001_is_refused", "it answered with success", "iam/models.py, list_users: MaxItems and Marker are ignored"),
    moto("list_groups.max_items_is_honoured", "more than MaxItems entries", "iam/responses.py, list_groups: reads no parameter"),
    moto("list_groups.is_truncated_is_given", "there is no IsTruncated", "iam/responses.py, list_groups: gives the groups and nothing else"),
    moto("list_groups.bogus_marker_is_refused", "it answered with success", "iam/responses.py, list_groups: reads no parameter"),
    moto("list_groups.path_prefix_is_a_string_prefix", "[\"admins\", \"devs\", \"ops\"]", "iam/responses.py, list_groups: reads no parameter"),
    moto("list_policies.bogus_marker_is_refused", "it answered 500", "iam/responses.py, list_policies: an unknown marker raises an exception"),
    moto("list_policies.usage_filter_is_honoured", "[\"attached\", \"boundary\", \"unused\"]", "iam/responses.py, list_policies: PolicyUsageFilter is not read"),
    moto("list_policies.bogus_scope_is_refused", "it answered with success", "iam/responses.py, list_policies: Scope is not checked"),
    moto("list_policies.ids_are_anpa", "an id is", "iam/utils.py, random_policy_id: A and twenty random characters"),
    moto("list_users.path_prefix_without_slash_is_refused", "it answered with success", "iam/responses.py, list_users: parameters are not checked"),
    moto("list_users.ids_are_aida", "an id is", "iam/utils.py, random_resource_id: twenty random small letters and digits"),
    moto("list_groups.ids_are_agpa", "an id is", "iam/utils.py, random_resource_id: twenty random small letters and digits"),
    moto("details.max_items_is_honoured", "more than MaxItems entries", "iam/responses.py, get_account_authorization_details: one page, Marker is not read"),
    moto("details.pages_join_to_the_whole", "1 pages join to 19 entries", "iam/responses.py, get_account_authorization_details: one page, Marker is not read"),
    moto("details.bogus_marker_is_refused", "it answered with success", "iam/responses.py, get_account_authorization_details: one page, Marker is not read"),
    moto("details.bogus_filter_is_refused", "it answered with success", "iam/responses.py, get_account_authorization_details: an unknown filter gives nothing"),
    moto("credential_report.is_made_and_dated_now", "seconds old", "iam/responses.py, get_credential_report: GeneratedTime is always 2015-02-02T20:02:02Z"),
    moto("credential_report.has_the_root_user", "it has not", "iam/models.py, get_credential_report: a row for each user only"),
    moto("signature.wrong_secret_is_refused", "it answered with success", "moto documentation, IAM-like Access Control: off unless a number of actions is set"),
    moto("signature.unknown_key_is_refused", "it answered with success", "moto documentation, IAM-like Access Control: off unless a number of actions is set"),
    moto("signature.inactive_key_is_refused", "it answered with success", "moto documentation, IAM-like Access Control: off unless a number of actions is set"),
    moto("assume_role.without_external_id_is_refused", "it answered with success", "sts/models.py, assume_role: trust policies are not evaluated"),
    moto("assume_role.with_wrong_external_id_is_refused", "it answered with success", "sts/models.py, assume_role: trust policies are not evaluated"),
    moto("assume_role.of_unknown_role_is_refused", "it answered with success", "sts/models.py, assume_role: the role need not exist"),
    moto("assume_role.short_session_name_is_refused", "it answered with success", "sts/responses.py, assume_role: RoleSessionName is not checked"),
    moto("get_user.name_with_a_space_is_refused", "it answered 404 NoSuchEntity", "iam/models.py, get_user: names are not checked"),
    moto("get_user.name_of_129_is_refused", "it answered 404 NoSuchEntity", "iam/models.py, get_user: names are not checked"),
    moto("get_login_profile.name_with_a_slash_is_refused", "it answered 404 NoSuchEntity", "iam/models.py, get_login_profile: names are not checked"),
    moto("get_login_profile.name_outside_ascii_is_refused", "it answered 404 NoSuchEntity", "iam/models.py, get_login_profile: names are not checked"),

    ministack("list_users.max_items_is_honoured", "more than MaxItems entries", "ministack services/iam.py, _list_users: listings come in one page; MaxItems and Marker are not read"),
    ministack("list_users.bogus_marker_is_refused", "it answered with success", "ministack services/iam.py, _list_users: listings come in one page; MaxItems and Marker are not read"),
    ministack("list_users.max_items_0_is_refused", "it answered with success", "ministack services/iam.py, _list_users: listings come in one page; MaxItems and Marker are not read"),
    ministack("list_users.max_items_1001_is_refused", "it answered with success", "ministack services/iam.py, _list_users: listings come in one page; MaxItems and Marker are not read"),
    ministack("list_users.path_prefix_without_slash_is_refused", "it answered with success", "ministack services/iam.py, _list_users: PathPrefix is not checked"),
    ministack("list_users.paths_are_escaped", "InvalidEscape", "ministack services/iam.py, _list_users: text is put into XML without escaping"),
    ministack("list_groups.max_items_is_honoured", "more than MaxItems entries", "ministack services/iam.py, _list_groups: listings come in one page; MaxItems and Marker are not read"),
    ministack("list_groups.bogus_marker_is_refused", "it answered with success", "ministack services/iam.py, _list_groups: listings come in one page; MaxItems and Marker are not read"),
    ministack("list_policies.max_items_is_honoured", "more than MaxItems entries", "ministack services/iam.py, _list_policies: listings come in one page; MaxItems and Marker are not read"),
    ministack("list_policies.pages_join_to_the_whole", "more than MaxItems entries", "ministack services/iam.py, _list_policies: listings come in one page; MaxItems and Marker are not read"),
    ministack("list_policies.bogus_marker_is_refused", "it answered with success", "ministack services/iam.py, _list_policies: listings come in one page; MaxItems and Marker are not read"),
    ministack("list_policies.catalogue_has_over_a_thousand", "it has only 34", "ministack services/iam.py, the catalogue of AWS managed policies is a small choice"),
    ministack("list_policies.only_attached", "attached to nobody", "ministack services/iam.py, _list_policies: OnlyAttached is not read"),
    ministack("list_policies.usage_filter_is_honoured", "[\"attached\", \"unused\", \"boundary\"]", "ministack services/iam.py, _list_policies: PolicyUsageFilter is not read"),
    ministack("list_policies.bogus_scope_is_refused", "it answered with success", "ministack services/iam.py, _list_policies: Scope is not checked"),
    ministack("details.max_items_is_honoured", "more than MaxItems entries", "ministack services/iam.py, _get_account_authorization_details: listings come in one page; MaxItems and Marker are not read"),
    ministack("details.pages_join_to_the_whole", "1 pages join to 19 entries", "ministack services/iam.py, _get_account_authorization_details: listings come in one page; MaxItems and Marker are not read"),
    ministack("details.bogus_marker_is_refused", "it answered with success", "ministack services/iam.py, _get_account_authorization_details: listings come in one page; MaxItems and Marker are not read"),
    ministack("details.bogus_filter_is_refused", "it answered with success", "ministack services/iam.py, _get_account_authorization_details: an unknown filter gives nothing"),
    ministack("details.tag_values_are_escaped", "InvalidEscape", "ministack services/iam.py, _get_account_authorization_details: text is put into XML without escaping"),
    ministack("get_user.without_a_name_is_the_caller", ":root", "ministack services/iam.py, _get_user: without a name it answers with the root user"),
    ministack("get_user.name_with_a_space_is_refused", "it answered 404 NoSuchEntity", "ministack services/iam.py, _get_user: names are not checked"),
    ministack("get_user.name_of_129_is_refused", "it answered 404 NoSuchEntity", "ministack services/iam.py, _get_user: names are not checked"),
    ministack("get_login_profile.name_with_a_slash_is_refused", "it answered 404 NoSuchEntity", "ministack services/iam.py, _get_login_profile: names are not checked"),
    ministack("get_login_profile.name_outside_ascii_is_refused", "it answered 404 NoSuchEntity", "ministack services/iam.py, _get_login_profile: names are not checked"),
    ministack("assume_role.short_session_name_is_refused", "it answered with success", "ministack services/sts.py: RoleSessionName is not checked"),
];
