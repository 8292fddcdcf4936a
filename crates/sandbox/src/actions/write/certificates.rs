//! X.509 signing certificates: two for each user.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Done, Written, status, switch, take};
use crate::actions::Call;
use crate::protocol::error::ApiError;
use crate::protocol::params::Kind;
use crate::state::quotas::{self, room};
use crate::state::{KeyStatus, SigningCertificate, State};

fn no_such_certificate(id: &str) -> ApiError {
    ApiError::no_such_entity(format!("The Certificate with id {id} cannot be found."))
}

pub(in crate::actions) fn upload(call: &Call<'_>, state: &mut State) -> Written {
    let body = call.params.required("CertificateBody", Kind::Upload)?;
    let user = call.user_or_self(Kind::UserName)?;
    if pem(body, "CERTIFICATE").is_none() {
        let message = format!("Certificate {body} is malformed.");
        return Err(ApiError::new(400, "MalformedCertificate", message));
    }
    let mut held = state.users.values().flat_map(|user| &user.certificates);
    if held.any(|held| held.body.trim() == body.trim()) {
        return Err(ApiError::new(409, "DuplicateCertificate", "The certificate is already in use."));
    }
    room(user.certificates.len(), quotas::SIGNING_CERTIFICATES_PER_USER, "CertificatesPerUser")?;
    let id = state.next_chance().base32("", 32);
    let certificate = SigningCertificate {
        id: id.clone(),
        body: body.to_owned(),
        status: KeyStatus::Active,
        uploaded: call.now,
    };
    state.change_user(&user.name, |user| user.certificates.push(certificate))?;
    Ok(Done::made(&id, |xml| {
        xml.element("Certificate", |xml| {
            xml.text("UserName", &user.name);
            xml.text("CertificateId", &id);
            xml.text("CertificateBody", body);
            xml.text("Status", KeyStatus::Active.as_str());
            xml.time("UploadDate", call.now);
        });
    }))
}

/// The bytes in a PEM text (RFC 7468) whose label ends so, if they are a DER sequence. No more is checked.
pub(super) fn pem(text: &str, label: &str) -> Option<Vec<u8>> {
    let text = text.trim().strip_prefix("-----BEGIN ")?;
    let (found, rest) = text.split_once("-----")?;
    if !found.ends_with(label) {
        return None;
    }
    let inside = rest.strip_suffix(&format!("-----END {found}-----"))?;
    let inside: String = inside.split_ascii_whitespace().collect();
    STANDARD.decode(inside).ok().filter(|bytes| bytes.first() == Some(&0x30))
}

pub(in crate::actions) fn update(call: &Call<'_>, state: &mut State) -> Written {
    let id = call.params.required("CertificateId", Kind::CertificateId)?;
    let status = status(call)?;
    let user = call.user_or_self(Kind::UserName)?;
    let changed = state.change_user(&user.name, |user| {
        switch(&mut user.certificates, |held| held.id == id, |held| &mut held.status, status)
    })?;
    changed.map(Done::silent).ok_or_else(|| no_such_certificate(id))
}

pub(in crate::actions) fn delete(call: &Call<'_>, state: &mut State) -> Written {
    let id = call.params.required("CertificateId", Kind::CertificateId)?;
    let user = call.user_or_self(Kind::UserName)?;
    if state.change_user(&user.name, |user| take(&mut user.certificates, |held| held.id == id))? {
        return Ok(Done::silent(true));
    }
    Err(no_such_certificate(id))
}
