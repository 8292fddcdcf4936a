//! MFA devices. A virtual one is made, enabled for a user, deactivated and deleted; another is only enabled
//! and deactivated. One-time codes are not compared with anything.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Done, Written, delete_conflict, settled, take};
use crate::actions::Call;
use crate::protocol::error::ApiError;
use crate::protocol::params::Kind;
use crate::state::quotas::{self, room};
use crate::state::{MfaDevice, State, is_virtual};

fn no_such_device(serial: &str) -> ApiError {
    ApiError::no_such_entity(format!("MFA Device with serial number {serial} does not exist."))
}

fn is_in_use(state: &State, serial: &str) -> bool {
    state.users.values().any(|user| user.mfa.iter().any(|device| device.serial == serial))
}

/// The seed is shown here only, and not kept: a device of the sandbox gives no codes.
pub(in crate::actions) fn create(call: &Call<'_>, state: &mut State) -> Written {
    let name = call.params.required("VirtualMFADeviceName", Kind::DeviceName)?;
    let path = call.params.optional("Path", Kind::Path)?.unwrap_or("/");
    super::tags::read(call.params)?;
    let serial = state.arn("mfa", path, name);
    if state.spare_devices.contains(serial.as_str()) || is_in_use(state, &serial) {
        return Err(ApiError::new(409, "EntityAlreadyExists", "MFA device already exists."));
    }
    state.spare_devices.insert(Arc::from(serial.as_str()));
    let seed = state.next_chance().base32("", 64);
    Ok(Done::made(&serial, |xml| {
        xml.element("VirtualMFADevice", |xml| {
            xml.text("SerialNumber", &serial);
            xml.text("Base32StringSeed", &STANDARD.encode(seed));
            // Not a picture: whoever wants a code has no use for one of a made-up device.
            xml.text("QRCodePNG", &STANDARD.encode("sandbox"));
        });
    }))
}

pub(in crate::actions) fn enable(call: &Call<'_>, state: &mut State) -> Written {
    let serial = call.params.required("SerialNumber", Kind::SerialNumber)?;
    call.params.required("AuthenticationCode1", Kind::AuthenticationCode)?;
    call.params.required("AuthenticationCode2", Kind::AuthenticationCode)?;
    let user = call.user(Kind::UserName)?;
    settled(call, user)?;
    if is_in_use(state, serial) {
        return Err(ApiError::new(409, "EntityAlreadyExists", "MFA Device is already in use."));
    }
    if is_virtual(serial) && state.spare_devices.remove(serial).is_none() {
        return Err(no_such_device(serial));
    }
    room(user.mfa.len(), quotas::MFA_DEVICES_PER_USER, "MFADevicesPerUser")?;
    let device = MfaDevice { serial: serial.to_owned(), enabled: call.now };
    state.change_user(&user.name, |user| user.mfa.push(device))?;
    Ok(Done::silent(true))
}

pub(in crate::actions) fn deactivate(call: &Call<'_>, state: &mut State) -> Written {
    let serial = call.params.required("SerialNumber", Kind::SerialNumber)?;
    let user = call.user_or_self(Kind::UserName)?;
    settled(call, user)?;
    if !state.change_user(&user.name, |user| take(&mut user.mfa, |device| device.serial == serial))? {
        return Err(no_such_device(serial));
    }
    if is_virtual(serial) {
        state.spare_devices.insert(Arc::from(serial));
    }
    Ok(Done::silent(true))
}

/// Not while a user has it.
pub(in crate::actions) fn delete(call: &Call<'_>, state: &mut State) -> Written {
    let serial = call.params.required("SerialNumber", Kind::SerialNumber)?;
    if is_in_use(state, serial) {
        return Err(delete_conflict("MFA VirtualDevice in use. Must deactivate first."));
    }
    let gone = state.spare_devices.remove(serial);
    gone.map(|_| Done::silent(true)).ok_or_else(|| no_such_device(serial))
}
