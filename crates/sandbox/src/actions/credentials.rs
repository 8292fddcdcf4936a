//! Reads about what users prove themselves with.

use super::{Answer, Call, answer};
use crate::protocol::error::ApiError;
use crate::protocol::params::Kind;
use crate::state::is_virtual;

pub(super) fn list_access_keys(call: &Call<'_>) -> Answer {
    let user = call.user_or_self(Kind::UserName)?;
    let page = call.page_of(user.keys.iter().map(|key| (key.id.clone(), key)).collect())?;
    answer(|xml| {
        xml.list("AccessKeyMetadata", &page.items, |xml, key| {
            xml.text("UserName", &user.name);
            xml.text("AccessKeyId", &key.id);
            xml.text("Status", key.status.as_str());
            xml.time("CreateDate", key.created);
        });
        page.write_end(xml);
    })
}

/// A key of another account, or of nobody, is denied rather than not found.
pub(super) fn get_access_key_last_used(call: &Call<'_>) -> Answer {
    let id = call.params.required("AccessKeyId", Kind::KeyId)?;
    let owner = call.state.keys.get(id).and_then(|name| call.state.users.get(name));
    let Some(user) = owner else {
        return Err(ApiError::access_denied(&call.caller.arn, "iam:GetAccessKeyLastUsed", id));
    };
    let used = user.keys.iter().find(|key| key.id == id).and_then(|key| key.last_used.as_ref());
    answer(|xml| {
        xml.text("UserName", &user.name);
        xml.element("AccessKeyLastUsed", |xml| {
            if let Some(used) = used {
                xml.time("LastUsedDate", used.at);
            }
            xml.text("ServiceName", used.map_or("N/A", |used| &used.service));
            xml.text("Region", used.map_or("N/A", |used| &used.region));
        });
    })
}

pub(super) fn list_mfa_devices(call: &Call<'_>) -> Answer {
    let user = call.user_or_self(Kind::UserName)?;
    let page = call.page_of(user.mfa.iter().map(|device| (device.serial.clone(), device)).collect())?;
    answer(|xml| {
        xml.list("MFADevices", &page.items, |xml, device| {
            xml.text("UserName", &user.name);
            xml.text("SerialNumber", &device.serial);
            xml.time("EnableDate", device.enabled);
        });
        page.write_end(xml);
    })
}

pub(super) fn list_virtual_mfa_devices(call: &Call<'_>) -> Answer {
    let status = call.params.choice("AssignmentStatus", &["Assigned", "Unassigned", "Any"])?;
    let users = call.state.users.values().filter(|_| status != Some("Unassigned"));
    let used = users.flat_map(|user| user.mfa.iter().map(move |device| (user, device)));
    let used = used.filter(|(_, device)| is_virtual(&device.serial));
    let spare = call.state.spare_devices.iter().filter(|_| status != Some("Assigned"));
    let mut devices: Vec<_> = used.map(|(user, d)| (d.serial.clone(), Some((user, d)))).collect();
    devices.extend(spare.map(|serial| (serial.to_string(), None)));
    let devices = devices.into_iter().map(|(serial, user)| (serial.clone(), (serial, user)));
    let page = call.page_of(devices.collect())?;
    answer(|xml| {
        xml.list("VirtualMFADevices", &page.items, |xml, (serial, user)| {
            xml.text("SerialNumber", serial);
            if let Some((user, device)) = user {
                xml.time("EnableDate", device.enabled);
                xml.element("User", |xml| super::users::write_base(call, xml, user));
            }
        });
        page.write_end(xml);
    })
}

pub(super) fn list_ssh_public_keys(call: &Call<'_>) -> Answer {
    let user = call.user_or_self(Kind::UserName)?;
    let page = call.page_of(user.ssh_keys.iter().map(|key| (key.id.clone(), key)).collect())?;
    answer(|xml| {
        xml.list("SSHPublicKeys", &page.items, |xml, key| {
            xml.text("UserName", &user.name);
            xml.text("SSHPublicKeyId", &key.id);
            xml.text("Status", key.status.as_str());
            xml.time("UploadDate", key.uploaded);
        });
        page.write_end(xml);
    })
}

pub(super) fn list_signing_certificates(call: &Call<'_>) -> Answer {
    let user = call.user_or_self(Kind::UserName)?;
    let page = call.page_of(user.certificates.iter().map(|held| (held.id.clone(), held)).collect())?;
    answer(|xml| {
        xml.list("Certificates", &page.items, |xml, certificate| {
            xml.text("UserName", &user.name);
            xml.text("CertificateId", &certificate.id);
            xml.text("CertificateBody", &certificate.body);
            xml.text("Status", certificate.status.as_str());
            xml.time("UploadDate", certificate.uploaded);
        });
        page.write_end(xml);
    })
}

pub(super) fn list_service_credentials(call: &Call<'_>) -> Answer {
    let user = call.user_or_self(Kind::NewUserName)?;
    let service = call.params.get("ServiceName");
    let held = user.service_credentials.iter().filter(|held| service.is_none_or(|name| held.service == name));
    let page = call.page_of(held.map(|held| (held.id.clone(), held)).collect())?;
    answer(|xml| {
        xml.list("ServiceSpecificCredentials", &page.items, |xml, held| {
            xml.text("UserName", &user.name);
            xml.text("Status", held.status.as_str());
            xml.text("ServiceUserName", &held.user_name);
            xml.time("CreateDate", held.created);
            xml.text("ServiceSpecificCredentialId", &held.id);
            xml.text("ServiceName", &held.service);
            if let Some(at) = held.expires {
                xml.time("ExpirationDate", at);
            }
        });
        page.write_end(xml);
    })
}
