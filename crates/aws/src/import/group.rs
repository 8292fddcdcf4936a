//! The listing of groups.

use keyreeve_connector::{Error, GroupEntry, Marker, Page};

use crate::error::Call;
use crate::page::{PAGE_SIZE, PageBuilder};

pub(crate) async fn list(
    iam: &aws_sdk_iam::Client,
    after: Option<&Marker>,
) -> Result<Page<GroupEntry>, Error> {
    let call = Call::read("ListGroups", None);
    let request = iam.list_groups().max_items(PAGE_SIZE).set_marker(after.map(|marker| marker.0.clone()));
    let answer = request.send().await.map_err(|error| call.failed(error))?;
    let mut page = PageBuilder::new(&call, answer.groups().len());
    for group in answer.groups() {
        let entry = GroupEntry {
            external_id: call.external_id("GroupId", Some(group.group_id()))?,
            name: call.required("GroupName", Some(group.group_name()))?.to_owned(),
            path: call.required("Path", Some(group.path()))?.to_owned(),
            arn: call.required("Arn", Some(group.arn()))?.to_owned(),
        };
        page.push(entry, |entry| &entry.arn)?;
    }
    Ok(page.finish(answer.is_truncated(), answer.marker()))
}
