//! The connector's access as text, for whoever makes such things with CloudFormation or Terraform.

use std::fmt::Write as _;

use anyhow::Context as _;
use keyreeve_aws::{OWN_PATH, SYSTEM_TAG};
use keyreeve_model::{PermissionProfile, System, SystemSettings};
use serde_json::{Map, Value, json};

use super::{DOING, external_id_of, plan, scope};
use crate::args::{Bootstrap, Template};
use keyreeve_engine::systems::trust_policy;

use crate::command::policy;
use crate::output::{hint, write};

/// Writes it. The account is whichever it is made in.
pub(super) fn run(arguments: &Bootstrap, known: Option<&System>, template: Template) -> anyhow::Result<()> {
    let region = arguments.region.as_deref().and_then(keyreeve_aws::partition_of_region);
    let partition = known.and_then(|system| system.partition.as_deref()).or(region).unwrap_or("aws");
    let account = known.and_then(|system| system.aws_account_id.as_ref()).map(ToString::to_string);
    let mut scope = scope(arguments, partition, account.as_deref().unwrap_or("*"));
    if account.is_none() {
        // An ARN must name an account, a name need not; it is of a user, and a role is changed by no profile.
        scope.connector = arguments.user.iter().cloned().collect();
    }
    let documents = scope.documents().context(DOING)?;
    let external_id = known.and_then(external_id_of);
    let text = match template {
        Template::Cloudformation => cloudformation(arguments, &documents, external_id)?,
        Template::Terraform => terraform(arguments, &documents, external_id)?,
    };
    write(&text)?;
    let texts: Vec<&str> = documents.iter().map(String::as_str).collect();
    let place = account.as_deref().unwrap_or("123456789012");
    policy::warn_of(&policy::escalations(partition, place, &texts));
    let id = &arguments.system_id;
    match (&arguments.role, external_id) {
        (Some(_), Some(_)) => hint(&format!("when it is there: `keyreeve system check {id}`")),
        (Some(role), None) => hint(&format!(
            "the external id is made by `keyreeve system add --system-id {id} --role-arn arn:{partition}:iam::ACCOUNT:role\
             {OWN_PATH}{role}`, and is a parameter here"
        )),
        (None, _) => hint(&format!(
            "make the access key by itself, so that its secret is in no template, and hand it to `keyreeve system add \
             --system-id {id} --access-key-id AKIA…`"
        )),
    }
    let granted = PermissionProfile::from(arguments.profile);
    let settings = known.map_or_else(SystemSettings::default, |system| system.settings.clone());
    if settings.permission_profile != granted {
        let granted = granted.as_str();
        hint(&format!(
            "once the system is registered, `keyreeve system set {id} permission_profile={granted}` tells that this is \
             what it may do"
        ));
    }
    Ok(())
}

fn policy_name(name: &str, index: usize, several: bool) -> String {
    if several { format!("{name}-{}", index + 1) } else { name.to_owned() }
}

fn name_of(arguments: &Bootstrap) -> &str {
    arguments.user.as_deref().or(arguments.role.as_deref()).unwrap_or_default()
}

fn cloudformation(
    arguments: &Bootstrap,
    documents: &[String],
    external_id: Option<&str>,
) -> anyhow::Result<String> {
    let name = name_of(arguments);
    let description = plan::description(arguments);
    let tags = json!([{ "Key": SYSTEM_TAG, "Value": arguments.system_id }]);
    let mut resources = Map::new();
    let mut references = Vec::new();
    for (index, document) in documents.iter().enumerate() {
        let logical = format!("KeyreevePolicy{}", index + 1);
        let document: Value = serde_json::from_str(document).context(DOING)?;
        let properties = json!({
            "ManagedPolicyName": policy_name(name, index, documents.len() > 1),
            "Path": OWN_PATH,
            "Description": description,
            "PolicyDocument": document,
        });
        references.push(json!({ "Ref": logical }));
        resources.insert(logical, json!({ "Type": "AWS::IAM::ManagedPolicy", "Properties": properties }));
    }
    let mut template = json!({ "AWSTemplateFormatVersion": "2010-09-09", "Description": description });
    match &arguments.trusted_principal {
        Some(principal) => {
            let mut trust = trust_policy(principal, "");
            if let Some(id) = trust.pointer_mut("/Statement/0/Condition/StringEquals/sts:ExternalId") {
                *id = json!({ "Ref": "ExternalId" });
            }
            let mut parameter = json!({
                "Type": "String",
                "MinLength": 2,
                "Description": "The external id that keyreeve made for this system",
            });
            if let (Some(id), Some(parameter)) = (external_id, parameter.as_object_mut()) {
                parameter.insert("Default".to_owned(), json!(id));
            }
            let properties = json!({
                "RoleName": name, "Path": OWN_PATH, "Description": description, "Tags": tags,
                "AssumeRolePolicyDocument": trust, "ManagedPolicyArns": references,
            });
            resources.insert(
                "KeyreeveRole".to_owned(),
                json!({ "Type": "AWS::IAM::Role", "Properties": properties }),
            );
            add(&mut template, "Parameters", json!({ "ExternalId": parameter }));
            let arn = json!({ "RoleArn": { "Value": { "Fn::GetAtt": ["KeyreeveRole", "Arn"] } } });
            add(&mut template, "Outputs", arn);
        }
        None => {
            let properties =
                json!({ "UserName": name, "Path": OWN_PATH, "Tags": tags, "ManagedPolicyArns": references });
            resources.insert(
                "KeyreeveUser".to_owned(),
                json!({ "Type": "AWS::IAM::User", "Properties": properties }),
            );
        }
    }
    add(&mut template, "Resources", Value::Object(resources));
    Ok(serde_json::to_string_pretty(&template).context(DOING)? + "\n")
}

fn add(template: &mut Value, key: &str, value: Value) {
    if let Some(template) = template.as_object_mut() {
        template.insert(key.to_owned(), value);
    }
}

fn terraform(
    arguments: &Bootstrap,
    documents: &[String],
    external_id: Option<&str>,
) -> anyhow::Result<String> {
    let (name, description) = (name_of(arguments), plan::description(arguments));
    let kind = if arguments.user.is_some() { "user" } else { "role" };
    let mut text = String::new();
    if let Some(principal) = &arguments.trusted_principal {
        let default = external_id.map(|id| format!("  default     = {}\n", quoted(id))).unwrap_or_default();
        let trust = format!("{:#}", trust_policy(principal, "${var.external_id}"));
        write!(
            text,
            "variable \"external_id\" {{\n  type        = string\n  description = \"The external id that keyreeve made \
             for this system\"\n{default}}}\n\nresource \"aws_iam_role\" \"keyreeve\" {{\n  name               = {}\n  \
             path               = {}\n  description        = {}\n  tags               = {{ {} = {} }}\n  \
             assume_role_policy = <<JSON\n{trust}\nJSON\n}}\n\n",
            quoted(name),
            quoted(OWN_PATH),
            quoted(&description),
            quoted(SYSTEM_TAG),
            quoted(arguments.system_id.as_str()),
        )?;
    } else {
        write!(
            text,
            "resource \"aws_iam_user\" \"keyreeve\" {{\n  name = {}\n  path = {}\n  tags = {{ {} = {} }}\n}}\n\n",
            quoted(name),
            quoted(OWN_PATH),
            quoted(SYSTEM_TAG),
            quoted(arguments.system_id.as_str()),
        )?;
    }
    for (index, document) in documents.iter().enumerate() {
        let number = index + 1;
        let policy = quoted(&policy_name(name, index, documents.len() > 1));
        write!(
            text,
            "resource \"aws_iam_policy\" \"keyreeve_{number}\" {{\n  name        = {policy}\n  path        = {}\n  \
             description = {}\n  policy      = <<JSON\n{}JSON\n}}\n\nresource \"aws_iam_{kind}_policy_attachment\" \
             \"keyreeve_{number}\" {{\n  {kind}       = aws_iam_{kind}.keyreeve.name\n  policy_arn = \
             aws_iam_policy.keyreeve_{number}.arn\n}}\n\n",
            quoted(OWN_PATH),
            quoted(&description),
            literal(document),
        )?;
    }
    // Between blocks there is a blank line, and after the last one there is none.
    text.truncate(text.trim_end().len());
    text.push('\n');
    Ok(text)
}

/// A string of Terraform's language.
fn quoted(text: &str) -> String {
    literal(&format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// What its templates would take for their own.
fn literal(text: &str) -> String {
    text.replace("${", "$${").replace("%{", "%%{")
}
