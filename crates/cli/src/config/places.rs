//! The platform's own folders: XDG on Linux, `Library` on macOS, `AppData` on Windows.

use std::path::PathBuf;

use etcetera::BaseStrategy;

use crate::exit::Refusal;

/// Where data are unless `data_dir` says otherwise.
pub(super) fn default_data_dir() -> Result<PathBuf, Refusal> {
    match etcetera::base_strategy::choose_native_strategy() {
        Ok(folders) => Ok(folders.data_dir().join("keyreeve")),
        Err(_) => Err(Refusal::new("finding the data folder", "there is no home folder")
            .hint("set data_dir in keyreeve.toml, or KEYREEVE_DATA_DIR")),
    }
}

/// The configuration file that is read when none is named.
pub(super) fn default_config_file() -> Option<PathBuf> {
    let folders = etcetera::base_strategy::choose_native_strategy().ok()?;
    Some(folders.config_dir().join("keyreeve").join("keyreeve.toml"))
}
