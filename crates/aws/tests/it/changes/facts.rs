//! The point reads of one thing, and the documents of policies: what they make of answers, whole and otherwise.

use keyreeve_connector::{AccountFacts, Cause, Error, PasswordPolicy, PolicyDocument, PolicyHolder};
use keyreeve_model::PolicyScope;

use super::reads::{DATE, answer, asked};
use crate::canned::Reply;

async fn facts(user: &str) -> Result<Option<AccountFacts>, Error> {
    let body = answer("GetUser", &format!("<User>{user}</User>"));
    asked(Reply::xml(body), async |aws| aws.get_account_facts("ana").await).await.0
}

#[tokio::test]
async fn the_facts_of_an_account_come_with_tags_and_boundary() {
    let user = format!(
        "<Path>/staff/</Path><UserName>ana</UserName><UserId>AIDA1</UserId>\
         <Arn>arn:aws:iam::111122223333:user/staff/ana</Arn><CreateDate>{DATE}</CreateDate>"
    );
    let bare = facts(&user).await.unwrap().unwrap();
    assert_eq!((bare.tags.len(), bare.permissions_boundary.as_deref()), (0, None));
    let more = "<Tags><member><Key>team</Key><Value>&lt;b&gt;</Value></member></Tags><PermissionsBoundary>\
        <PermissionsBoundaryType>PermissionsBoundaryPolicy</PermissionsBoundaryType>\
        <PermissionsBoundaryArn>arn:aws:iam::aws:policy/b</PermissionsBoundaryArn></PermissionsBoundary>";
    let full = facts(&(user.clone() + more)).await.unwrap().unwrap();
    assert_eq!(full.tags["team"], "<b>");
    assert_eq!(full.permissions_boundary.as_deref(), Some("arn:aws:iam::aws:policy/b"));
    assert_eq!(full.entry, bare.entry);
    // Names are one, whatever their case; the caller sees how it is written.
    let cased = facts(&user.replace("<UserName>ana<", "<UserName>Ana<")).await.unwrap().unwrap();
    assert_eq!(cased.entry.name, "Ana");
    let other = facts(&user.replace("<UserName>ana<", "<UserName>bob<")).await.unwrap_err();
    assert!(other.cause == Cause::Unknown && other.message.contains("UserName"), "{other}");
    let gone = Reply::refusal(404, "NoSuchEntity", "m");
    assert_eq!(asked(gone, async |aws| aws.get_account_facts("ana").await).await.0.unwrap(), None);
}

#[tokio::test]
async fn an_inline_policy_is_decoded_and_must_be_the_one_asked_for() {
    let body = |user: &str, policy: &str, document: &str| {
        let result = format!(
            "<UserName>{user}</UserName><PolicyName>{policy}</PolicyName><PolicyDocument>{document}</PolicyDocument>"
        );
        Reply::xml(answer("GetUserPolicy", &result))
    };
    let ask = async |reply| asked(reply, async |aws| aws.get_inline_policy("ana", "own").await).await.0;
    let document = ask(body("ana", "own", "%7B%22a%22%3A%20%22b+c%22%7D")).await.unwrap();
    assert_eq!(document.as_deref(), Some(r#"{"a": "b+c"}"#));
    for bad in [body("bob", "own", "%7B%7D"), body("ana", "other", "%7B%7D"), body("ana", "own", "%7")] {
        assert_eq!(ask(bad).await.unwrap_err().cause, Cause::Unknown);
    }
    assert_eq!(ask(Reply::refusal(404, "NoSuchEntity", "m")).await.unwrap(), None);
}

#[tokio::test]
async fn documents_come_with_their_holders() {
    let list = |element: &str, name: &str| {
        format!(
            "<{element}><member><PolicyName>{name}</PolicyName><PolicyDocument>%7B%7D</PolicyDocument></member></{element}>"
        )
    };
    let body = format!(
        "<UserDetailList><member><UserName>ana</UserName><Arn>arn:aws:iam::111122223333:user/ana</Arn>{}</member>\
         <member><UserName>bob</UserName><Arn>arn:aws:iam::111122223333:user/bob</Arn></member></UserDetailList>\
         <GroupDetailList><member><GroupName>devs</GroupName><Arn>arn:aws:iam::111122223333:group/devs</Arn>{}\
         </member></GroupDetailList><Policies><member><PolicyName>p</PolicyName>\
         <Arn>arn:aws:iam::111122223333:policy/p</Arn><DefaultVersionId>v1</DefaultVersionId><PolicyVersionList>\
         <member><Document>%7B%22v%22%3A1%7D</Document><VersionId>v1</VersionId>\
         <IsDefaultVersion>true</IsDefaultVersion></member></PolicyVersionList></member></Policies>",
        list("UserPolicyList", "own"),
        list("GroupPolicyList", "theirs"),
    );
    let whole = answer("GetAccountAuthorizationDetails", &body);
    let (page, form) = asked(Reply::xml(whole.clone()), async |aws| {
        aws.list_policy_documents(PolicyScope::Customer, None).await
    })
    .await;
    let document = |holder, name: &str, text: &str| PolicyDocument {
        holder,
        name: name.into(),
        document: Some(text.into()),
    };
    let page = page.unwrap();
    assert_eq!(
        page.items,
        [
            document(PolicyHolder::Account("ana".into()), "own", "{}"),
            document(PolicyHolder::Group("devs".into()), "theirs", "{}"),
            document(PolicyHolder::Managed("arn:aws:iam::111122223333:policy/p".into()), "p", r#"{"v":1}"#),
        ]
    );
    assert_eq!(page.account_ids.len(), 1);
    for filter in ["Filter.member.1=User&", "Filter.member.2=Group", "Filter.member.3=LocalManagedPolicy"] {
        assert!(form.contains(filter), "{form}");
    }
    assert!(!form.contains("AWSManagedPolicy"), "{form}");
    let (_, form) = asked(Reply::xml(whole.clone()), async |aws| {
        aws.list_policy_documents(PolicyScope::Attached, None).await
    })
    .await;
    assert!(form.contains("Filter.member.4=AWSManagedPolicy"), "{form}");
    let foreign = whole.replace("arn:aws:iam::111122223333:user/bob", "user/bob");
    let (page, _) =
        asked(Reply::xml(foreign), async |aws| aws.list_policy_documents(PolicyScope::Customer, None).await)
            .await;
    assert_eq!(page.unwrap_err().cause, Cause::Unknown, "nobody could tell whose user bob is");
}

#[tokio::test]
async fn the_password_policy_is_read_or_there_is_none() {
    let ask = async |reply| asked(reply, async |aws| aws.get_password_policy().await).await.0;
    let body = |result: &str| {
        Reply::xml(answer("GetAccountPasswordPolicy", &format!("<PasswordPolicy>{result}</PasswordPolicy>")))
    };
    let strict = "<MinimumPasswordLength>14</MinimumPasswordLength><RequireSymbols>true</RequireSymbols>\
        <RequireNumbers>true</RequireNumbers><RequireUppercaseCharacters>true</RequireUppercaseCharacters>\
        <RequireLowercaseCharacters>true</RequireLowercaseCharacters>\
        <AllowUsersToChangePassword>true</AllowUsersToChangePassword>";
    let mut expected = PasswordPolicy {
        minimum_length: 14,
        require_symbols: true,
        require_numbers: true,
        require_uppercase: true,
        require_lowercase: true,
        users_may_change: true,
    };
    assert_eq!(ask(body(strict)).await.unwrap().unwrap(), expected);
    expected.require_symbols = false;
    let no_symbols = strict.replace("<RequireSymbols>true<", "<RequireSymbols>false<");
    assert_eq!(ask(body(&no_symbols)).await.unwrap().unwrap(), expected);
    for bad in ["", "<MinimumPasswordLength>-1</MinimumPasswordLength>"] {
        assert_eq!(ask(body(bad)).await.unwrap_err().cause, Cause::Unknown, "{bad}");
    }
    assert_eq!(ask(Reply::refusal(404, "NoSuchEntity", "m")).await.unwrap(), None);
    assert_eq!(ask(Reply::refusal(403, "AccessDenied", "m")).await.unwrap_err().cause, Cause::Denied);
}
