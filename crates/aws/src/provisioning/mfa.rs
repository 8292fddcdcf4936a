//! Multi-factor devices: listed, taken away, deleted.

use keyreeve_connector::{Error, Marker, MfaDevice, Page, Performed};

use super::write::Write;
use crate::arn::Arn;
use crate::error::Call;
use crate::name::{UserName, given};
use crate::page::{PAGE_SIZE, PageBuilder};

pub(super) async fn list(
    iam: &aws_sdk_iam::Client,
    account: &str,
    after: Option<&Marker>,
) -> Result<Page<MfaDevice>, Error> {
    let call = Call::read("ListMFADevices", Some(account));
    let user = UserName::new(account).map_err(|why| call.refused(why))?;
    let request = iam.list_mfa_devices().user_name(user.as_str()).max_items(PAGE_SIZE);
    let request = request.set_marker(after.map(|marker| marker.0.clone()));
    let answer = request.send().await.map_err(|error| call.failed(error))?;
    let mut page = PageBuilder::new(&call, answer.mfa_devices().len());
    for device in answer.mfa_devices() {
        call.owned_by(&user, Some(device.user_name()))?;
        let serial = call.required("SerialNumber", Some(device.serial_number()))?;
        page.add(MfaDevice { serial: serial.to_owned(), is_virtual: is_virtual(serial) });
    }
    Ok(page.finish(answer.is_truncated(), answer.marker()))
}

pub(super) async fn deactivate(write: &Write<'_>, serial: &str) -> Result<Performed, Error> {
    let serial = serial_number(write, serial)?;
    let request = write.iam.deactivate_mfa_device().user_name(write.user()).serial_number(serial);
    write.removed(request.send().await)
}

pub(super) async fn delete_virtual(write: &Write<'_>, serial: &str) -> Result<Performed, Error> {
    let serial = serial_number(write, serial)?;
    write.removed(write.iam.delete_virtual_mfa_device().serial_number(serial).send().await)
}

/// Virtual devices are resources of the account, `arn:…:mfa/…`; security keys are `arn:…:u2f/…`, and a hardware
/// token has a plain serial number (IAM User Guide, "IAM ARNs").
fn is_virtual(serial: &str) -> bool {
    Arn::parse(serial).is_some_and(|arn| arn.resource.starts_with("mfa/"))
}

fn serial_number<'a>(write: &Write<'_>, serial: &'a str) -> Result<&'a str, Error> {
    given("device's serial number", serial).map_err(|why| write.call.refused(&why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_virtual_devices_are_resources_of_the_account() {
        for serial in ["arn:aws:iam::123456789012:mfa/ana", "arn:aws-cn:iam::123456789012:mfa/a/b/ana"] {
            assert!(is_virtual(serial), "{serial}");
        }
        for serial in [
            "GAHT12345678",
            "arn:aws:iam::123456789012:u2f/user/ana/key",
            "arn:aws:iam::123456789012:sms-mfa/ana",
            "",
        ] {
            assert!(!is_virtual(serial), "{serial}");
        }
    }
}
