//! Every target takes every input of its corpus, and of the others' too.

use std::{fs, path::Path};

use keyreeve_fuzz::TARGETS;

/// The files of a folder, by name.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("an entry").path())
        .map(|path| (path.display().to_string(), fs::read(&path).expect("a file")))
        .collect();
    files.sort();
    files
}

#[test]
fn every_target_takes_every_input_of_every_corpus() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let folders = fs::read_dir(&corpus).expect("the corpus").count();
    assert_eq!(folders, TARGETS.len(), "a folder belongs to no target, or a target has none");
    let all: Vec<(String, Vec<u8>)> = TARGETS.iter().flat_map(|one| files(&corpus.join(one.name))).collect();
    for target in TARGETS {
        assert!(files(&corpus.join(target.name)).len() >= 3, "{} has hardly a corpus", target.name);
        for (name, bytes) in &all {
            let tried = std::panic::catch_unwind(|| (target.run)(bytes));
            assert!(tried.is_ok(), "{} does not take {name}", target.name);
        }
    }
}
