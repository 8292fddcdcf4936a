//! The files of `tests/verdicts`: blocks of `word: text`, parted by empty lines.
//!
//! A line that begins with a space goes on with the one before. Lines that begin with `#` are comments. A block that
//! has no `source` takes that of the block before.

use std::{fs, path::PathBuf};

/// One block.
pub(crate) struct Block {
    /// File and line, for messages.
    pub(crate) place: String,
    lines: Vec<(String, String)>,
}

impl Block {
    pub(crate) fn all(&self, word: &str) -> impl Iterator<Item = &str> {
        self.lines.iter().filter(move |(key, _)| key == word).map(|(_, text)| text.as_str())
    }

    pub(crate) fn get(&self, word: &str) -> Option<&str> {
        self.all(word).next()
    }

    pub(crate) fn need(&self, word: &str) -> &str {
        self.get(word).unwrap_or_else(|| panic!("{}: no line {word:?}", self.place))
    }

    /// Fails on words that nobody reads.
    pub(crate) fn allow_only(&self, words: &[&str]) {
        for (word, _) in &self.lines {
            assert!(words.contains(&word.as_str()), "{}: unknown word {word:?}", self.place);
        }
    }
}

pub(crate) fn path(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/verdicts").join(file)
}

pub(crate) fn read(file: &str) -> Vec<Block> {
    let text = fs::read_to_string(path(file)).unwrap();
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = false;
    for (number, line) in text.lines().enumerate() {
        if line.starts_with('#') {
            continue;
        }
        if line.trim().is_empty() {
            open = false;
            continue;
        }
        if !open {
            blocks.push(Block { place: format!("{file}:{}", number + 1), lines: Vec::new() });
            open = true;
        }
        let block = blocks.last_mut().unwrap();
        if let Some(more) = line.strip_prefix(' ') {
            let (_, last) = block.lines.last_mut().unwrap();
            last.push('\n');
            last.push_str(more);
            continue;
        }
        let (word, text) = line.split_once(':').unwrap_or_else(|| panic!("{file}:{}: {line}", number + 1));
        block.lines.push((word.to_owned(), text.trim().to_owned()));
    }
    let mut source = None;
    for block in &mut blocks {
        match block.get("source") {
            Some(text) => source = Some(text.to_owned()),
            None => {
                block.lines.push(("source".into(), source.clone().expect("the first block has a source")))
            }
        }
    }
    blocks
}
