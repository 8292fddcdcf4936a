//! Which texts cannot have another one in them: most of those that are searched have not got it, and need not be read.

/// Three bytes, of which each is remembered that follow one another in a text.
const GRAM: usize = 3;
/// As many as there are of three bytes.
const MOST_BITS: usize = 1 << 24;
/// Golden ratio, in 32 bits: it spreads numbers that are near each other.
const SPREAD: u32 = 0x9e37_79b1;

/// What follows what in some texts: a bit for each byte of them, of which names, paths and tags set about a tenth, as most of
/// what is in them is in others as well. An empty one lets all pass.
#[derive(Default)]
pub(super) struct Sieve {
    bits: Vec<u64>,
    /// How many bits of a number that was spread are not looked at.
    beyond: u32,
}

impl Sieve {
    /// Of all that is in these texts.
    pub(super) fn of(texts: [&str; 2]) -> Self {
        let bytes: usize = texts.iter().map(|text| text.len()).sum();
        let bits = bytes.next_power_of_two().clamp(64, MOST_BITS);
        let mut sieve = Self { bits: vec![0; bits / 64], beyond: u32::BITS - bits.trailing_zeros() };
        for gram in texts.iter().flat_map(|text| text.as_bytes().windows(GRAM)) {
            let (word, bit) = sieve.place(gram);
            if let Some(word) = sieve.bits.get_mut(word) {
                *word |= bit;
            }
        }
        sieve
    }

    /// Whether one of the texts may have another one in it; `false` is certain.
    pub(super) fn passes(&self, wanted: &str) -> bool {
        let is_there = |gram: &[u8]| {
            let (word, bit) = self.place(gram);
            self.bits.get(word).is_some_and(|word| word & bit != 0)
        };
        self.bits.is_empty() || wanted.as_bytes().windows(GRAM).all(is_there)
    }

    fn place(&self, gram: &[u8]) -> (usize, u64) {
        let number = gram.iter().fold(0, |number: u32, byte| number << 8 | u32::from(*byte));
        let spread = number.wrapping_mul(SPREAD).checked_shr(self.beyond).unwrap_or_default();
        (spread as usize / 64, 1 << (spread % 64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_in_a_text_passes_and_little_else_does() {
        let names: Vec<String> =
            (0..400).map(|number| format!("user-{number:03} of team {}\n", number % 7)).collect();
        let text = names.concat();
        let sieve = Sieve::of([&text, "ümläut"]);
        for from in 0..text.len() - 30 {
            assert!(sieve.passes(&text[from..from + 1 + from % 29]), "{from}");
        }
        for short in ["", "z", "zz", "mlä"] {
            assert!(sieve.passes(short), "{short}");
        }
        let passing = (0..1_000).filter(|number| sieve.passes(&format!("x{number:03}y"))).count();
        assert!(passing < 20, "{passing} of 1000 pass");
        assert!(Sieve::default().passes("anything") && !Sieve::of(["", ""]).passes("any"));
    }
}
