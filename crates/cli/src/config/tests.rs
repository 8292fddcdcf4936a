use std::path::Path;

use super::*;

#[test]
fn the_guide_has_every_variable_and_every_setting_of_a_system_with_its_default() {
    let guide = include_str!("../../../../docs/guide/settings.md");
    for key in environment::KEYS.into_iter().chain(["CONFIG", "TOKEN"]) {
        assert!(guide.contains(&format!("\n| `KEYREEVE_{key}` | ")), "{key}");
    }
    let settings = serde_json::to_value(keyreeve_model::SystemSettings::default()).unwrap();
    for (name, default) in settings.as_object().unwrap() {
        let default = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
        let row = format!("\n| `{name}` | `{}` | ", default.replace("null", "none"));
        assert!(guide.contains(&row), "{row}");
    }
}

fn flags(config: Option<&Path>) -> Global {
    Global {
        output: None,
        raw: false,
        config: config.map(Path::to_owned),
        log: None,
        server: None,
        token_file: None,
        ca_file: None,
    }
}

fn read(text: &str, variables: &[(&str, &str)]) -> Result<Config, Refusal> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keyreeve.toml");
    std::fs::write(&path, text).unwrap();
    Config::read(&flags(Some(&path)), &Environment::of(variables))
}

#[test]
fn the_environment_wins_over_the_file() {
    let text = "data_dir = \"/from/file\"\nimport_lease_seconds = 60\noutput = \"json\"\n";
    let config =
        read(text, &[("KEYREEVE_DATA_DIR", "/from/environment"), ("KEYREEVE_OUTPUT", "csv")]).unwrap();
    assert_eq!(config.places.data_dir, Path::new("/from/environment"));
    assert_eq!(config.places.database.sqlite_path(), Some(Path::new("/from/environment/keyreeve.db")));
    assert_eq!(config.import.lease, Duration::from_secs(60));
    assert_eq!(config.output, Format::Csv);
    assert_eq!(config.logging.filter, "warn");
}

#[test]
fn unknown_keys_are_refused_by_name() {
    for (text, name) in
        [("colour = 1", "colour"), ("[aws]\nsecret_access_key = \"canary\"", "secret_access_key")]
    {
        let error = read(text, &[]).unwrap_err().to_string();
        assert!(error.contains(name) && !error.contains("canary"), "{error}");
    }
}

#[test]
fn a_bad_value_is_named_but_not_repeated() {
    let error = read("database = \"postgres://me:canary@[\"", &[]).unwrap_err().to_string();
    assert!(error.contains("database") && !error.contains("canary"), "{error}");
    let error = read("database = [\"canary\"]\n", &[]).unwrap_err().to_string();
    assert!(!error.contains("canary"), "{error}");
    let error = read("import_lease_seconds = 0", &[]).unwrap_err().to_string();
    assert!(error.contains("import_lease_seconds"), "{error}");
    let error = read("job_lease_seconds = 3601", &[]).unwrap_err().to_string();
    assert!(error.contains("job_lease_seconds"), "{error}");
    let error = read("", &[("KEYREEVE_IMPORT_LEASE_SECONDS", "soon")]).unwrap_err().to_string();
    assert!(error.contains("KEYREEVE_IMPORT_LEASE_SECONDS"), "{error}");
}

#[test]
fn a_named_file_must_be_there() {
    let missing = flags(Some(Path::new("/nowhere/keyreeve.toml")));
    let error = Config::read(&missing, &Environment::of(&[])).unwrap_err().to_string();
    assert!(error.contains("/nowhere/keyreeve.toml"), "{error}");
}
