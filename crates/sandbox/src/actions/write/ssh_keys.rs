//! SSH keys, as CodeCommit uses them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::{Done, Written, status, switch, take};
use crate::actions::Call;
use crate::protocol::error::ApiError;
use crate::protocol::params::Kind;
use crate::state::quotas::{self, room};
use crate::state::{KeyStatus, SshKey, State};

fn no_such_key(id: &str) -> ApiError {
    ApiError::no_such_entity(format!("The Public Key with id {id} cannot be found."))
}

pub(in crate::actions) fn upload(call: &Call<'_>, state: &mut State) -> Written {
    let body = call.params.required("SSHPublicKeyBody", Kind::Upload)?.trim();
    let user = call.user(Kind::NewUserName)?;
    let bytes = key_bytes(body)?;
    if user.ssh_keys.iter().any(|held| held.body == body) {
        return Err(ApiError::new(400, "DuplicateSSHPublicKey", "The SSH public key is already in use."));
    }
    room(user.ssh_keys.len(), quotas::SSH_KEYS_PER_USER, "SSHPublicKeysPerUser")?;
    let id = state.next_chance().base32("APKA", 17);
    let key = SshKey { id: id.clone(), body: body.to_owned(), status: KeyStatus::Active, uploaded: call.now };
    state.change_user(&user.name, |user| user.ssh_keys.push(key))?;
    Ok(Done::made(&id, |xml| {
        xml.element("SSHPublicKey", |xml| {
            xml.text("UserName", &user.name);
            xml.text("SSHPublicKeyId", &id);
            xml.text("Fingerprint", &fingerprint(&bytes));
            xml.text("SSHPublicKeyBody", body);
            xml.text("Status", KeyStatus::Active.as_str());
            xml.time("UploadDate", call.now);
        });
    }))
}

/// The key in `ssh-rsa` form (RFC 4253, section 6.6) or in PEM form.
fn key_bytes(body: &str) -> Result<Vec<u8>, ApiError> {
    let unknown = || {
        let message = "The public key encoding is not recognized: it must be ssh-rsa or PEM.";
        ApiError::new(400, "UnrecognizedPublicKeyEncoding", message)
    };
    let invalid =
        || ApiError::new(400, "InvalidPublicKey", "The public key is malformed or otherwise invalid.");
    if body.starts_with("-----BEGIN ") {
        return super::certificates::pem(body, "PUBLIC KEY").ok_or_else(invalid);
    }
    let mut words = body.split_ascii_whitespace();
    let (Some("ssh-rsa"), Some(key)) = (words.next(), words.next()) else { return Err(unknown()) };
    let bytes = STANDARD.decode(key).map_err(|_| invalid())?;
    if bytes.starts_with(b"\0\0\0\x07ssh-rsa") { Ok(bytes) } else { Err(invalid()) }
}

/// In the shape of AWS's MD5 fingerprint, though made with SHA-256.
fn fingerprint(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

pub(in crate::actions) fn update(call: &Call<'_>, state: &mut State) -> Written {
    let id = call.params.required("SSHPublicKeyId", Kind::CredentialId)?;
    let status = status(call)?;
    let user = call.user(Kind::NewUserName)?;
    let changed = state.change_user(&user.name, |user| {
        switch(&mut user.ssh_keys, |key| key.id == id, |key| &mut key.status, status)
    })?;
    changed.map(Done::silent).ok_or_else(|| no_such_key(id))
}

pub(in crate::actions) fn delete(call: &Call<'_>, state: &mut State) -> Written {
    let id = call.params.required("SSHPublicKeyId", Kind::CredentialId)?;
    let user = call.user(Kind::NewUserName)?;
    if state.change_user(&user.name, |user| take(&mut user.ssh_keys, |key| key.id == id))? {
        return Ok(Done::silent(true));
    }
    Err(no_such_key(id))
}
