//! Resources: what a statement names, and what a request is about.

use crate::{
    Context, Target, Truth,
    document::Resources,
    pattern::{Pattern, Piece},
    search::{Search, find},
    text::{Text, Wildcards},
};

/// One pattern of a `Resource` element in the context of a request.
///
/// The IAM User Guide says two things of wildcards in ARNs: that they stand for characters "within" the segments
/// that colons part, and that an asterisk which ends its segment "can expand to match beyond the colon boundaries"
/// ("Resource", "Amazon Resource Names"). It does not say when it does. Where the two readings differ, the answer is
/// `Unknown`. In the resource itself, after the fifth colon, wildcards stand for everything.
pub(crate) struct ResourcePattern {
    /// The pattern `*`, and nothing else.
    everything: bool,
    /// Segment by segment.
    pub(crate) strict: Pattern,
    /// With asterisks that pass over colons.
    pub(crate) loose: Pattern,
}

impl ResourcePattern {
    /// `None` when it matches no resource, because one of its variables has no value.
    fn new(text: &Text, context: &Context) -> Option<Self> {
        if text.raw == "*" {
            let all = Pattern::wild("*");
            return Some(Self { everything: true, strict: all.clone(), loose: all });
        }
        let mut strict = text.pattern(context, Wildcards::Fields)?;
        // "AWS automatically completes the ARN by adding wildcard characters (*) to all missing fields."
        for field in text.colons()..5 {
            strict.push(Piece::Char(':'));
            strict.push(Piece::Run { colon: field == 4 });
        }
        Some(Self { everything: false, strict, loose: text.pattern(context, Wildcards::FieldEnds)? })
    }

    fn matches(&self, arn: &str) -> Truth {
        match self.strict.matches(arn) {
            true if self.strict.certain => Truth::True,
            true => Truth::Unknown,
            false => Truth::from(self.loose.matches(arn)) & Truth::Unknown,
        }
    }
}

impl Resources {
    /// The patterns that can match anything in `context`.
    pub(crate) fn in_context(&self, context: &Context) -> Vec<ResourcePattern> {
        self.patterns.iter().filter_map(|text| ResourcePattern::new(text, context)).collect()
    }

    /// Whether they hold for `target`; for all of a pattern's resources, if it is one.
    pub(crate) fn hold(&self, target: &Target, context: &Context) -> Truth {
        let patterns = self.in_context(context);
        let named = match target {
            Target::NoResource => Truth::from(patterns.iter().any(|pattern| pattern.everything)),
            Target::Arn(arn) => Truth::any(patterns.iter().map(|pattern| pattern.matches(arn))),
            Target::Pattern(asked) => cover(&patterns, &asked_for(asked)),
        };
        if self.except { !named } else { named }
    }
}

/// The resources a request's pattern stands for.
pub(crate) fn asked_for(pattern: &str) -> Pattern {
    let colon = pattern == "*";
    let mut asked = Pattern::default();
    for char in pattern.chars() {
        match char {
            '*' => {
                asked.push(Piece::One { colon });
                asked.push(Piece::Run { colon });
            }
            '?' => asked.push(Piece::One { colon }),
            other => asked.push(Piece::Char(other)),
        }
    }
    asked
}

/// `True` when `patterns` together match all that `asked` does, `False` when they match none of it.
fn cover(patterns: &[ResourcePattern], asked: &Pattern) -> Truth {
    if !patterns.iter().any(|pattern| asked.overlaps(&pattern.strict) || asked.overlaps(&pattern.loose)) {
        return Truth::False;
    }
    let strict = patterns.iter().map(|pattern| &pattern.strict);
    let certain: Vec<&Pattern> =
        strict.filter(|pattern| pattern.certain && asked.overlaps(pattern)).collect();
    if find(&[asked], &certain) == Search::Nothing { Truth::True } else { Truth::Unknown }
}
