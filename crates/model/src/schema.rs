//! What types that are written as a text look like as JSON.

use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::{
    AwsAccountId, CronExpression, Delivery, ExternalId, ProfileName, SystemId, SystemName, TargetProperty,
};

fn text(description: &str, pattern: Option<&str>, longest: Option<usize>) -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .description(Some(description))
        .pattern(pattern)
        .min_length(Some(1))
        .max_length(longest)
        .build()
}

/// A type that is written as a text: its description, a regular expression it fits, and how long it may be.
macro_rules! text_schema {
    ($($name:ident: $description:literal, $pattern:expr, $longest:expr;)*) => {$(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                RefOr::T(Schema::Object(text($description, $pattern, $longest)))
            }
        }

        impl ToSchema for $name {}
    )*};
}

text_schema! {
    SystemId: "The System ID, chosen once and never changed.", Some("^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"), Some(64);
    SystemName: "The display name of a system.", None, Some(200);
    ProfileName: "The name of an import profile.", Some("^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"), Some(64);
    AwsAccountId: "An AWS account id.", Some("^[0-9]{12}$"), Some(12);
    ExternalId: "What AWS calls an object, and never uses twice.", None, Some(256);
    CronExpression: "When imports begin: five fields, as cron has them.", None, Some(200);
    TargetProperty: "What a row of a task mapping gives a value to: `user_name`, `path`, `tags.<key>`, …", Some("^(user_name|path|tags\\..+|permissions_boundary|password_reset_required|group_name|policy_arn)$"), None;
    Delivery: "How a password is handed over: `link`, `operator`, or `recipient:` and an age or SSH public key.", Some("^(link|operator|recipient:.+)$"), None;
}
