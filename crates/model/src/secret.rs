//! A secret that cannot be printed, compared or serialised.

use secrecy::{ExposeSecret, SecretString};

/// Secret text: an AWS secret access key, a session token, a password.
///
/// It has no `Display`, no `Serialize` and no `==`; `Debug` shows nothing of it; its memory is wiped when it is
/// dropped. [`Secret::expose`] is the only way to the text, so every use can be found by its name.
///
/// ```compile_fail
/// let secret = keyreeve_model::Secret::new("s".into());
/// println!("{secret}");
/// ```
/// ```compile_fail
/// let secret = keyreeve_model::Secret::new("s".into());
/// serde_json::to_string(&secret).unwrap();
/// ```
/// ```compile_fail
/// let _ = keyreeve_model::Secret::new("s".into()) == keyreeve_model::Secret::new("s".into());
/// ```
/// What does compile:
/// ```
/// let secret = keyreeve_model::Secret::new("canary".into());
/// assert!(!format!("{secret:?}").contains("canary"));
/// ```
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes the text over.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(SecretString::from(text))
    }

    /// The text itself. Hand it only to what must have it: the signer, the cipher.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}
