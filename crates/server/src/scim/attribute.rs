//! What an attribute is (RFC 7643 §2, §7): the one description that everything else is worked out from.

use serde_json::{Map, Value, json};

/// The type of an attribute's value (RFC 7643 §2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Unicode text.
    String,
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer,
    /// A moment, as XML Schema writes it.
    DateTime,
    /// A URI.
    Reference,
    /// An object of sub-attributes.
    Complex,
}

impl Kind {
    /// The word of RFC 7643 §7.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::DateTime => "dateTime",
            Self::Reference => "reference",
            Self::Complex => "complex",
        }
    }
}

/// Who may write an attribute, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutability {
    /// Only the server.
    ReadOnly,
    /// Whoever may write the resource.
    ReadWrite,
    /// Once, while it has no value.
    Immutable,
    /// Anybody who may write the resource; nobody may read it.
    WriteOnly,
}

impl Mutability {
    /// The word of RFC 7643 §7.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "readOnly",
            Self::ReadWrite => "readWrite",
            Self::Immutable => "immutable",
            Self::WriteOnly => "writeOnly",
        }
    }
}

/// When an attribute is part of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returned {
    /// In every answer, whatever was asked for.
    Always,
    /// Never, whatever was asked for.
    Never,
    /// Unless it was excluded or other attributes were asked for.
    Default,
    /// Only when it was asked for.
    Request,
}

impl Returned {
    /// The word of RFC 7643 §7.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Never => "never",
            Self::Default => "default",
            Self::Request => "request",
        }
    }
}

/// Where a value may occur only once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uniqueness {
    /// It may occur again.
    None,
    /// Once in a system.
    Server,
    /// Once anywhere.
    Global,
}

impl Uniqueness {
    /// The word of RFC 7643 §7.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Server => "server",
            Self::Global => "global",
        }
    }
}

/// One attribute or sub-attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its name in the case in which we write it; it is compared ignoring case (RFC 7643 §2.1).
    pub name: &'static str,
    /// What it means.
    pub description: &'static str,
    /// The type of a value.
    pub kind: Kind,
    /// Whether it holds a list of such values.
    pub multi_valued: bool,
    /// Whether a resource cannot be without it.
    pub required: bool,
    /// Whether `A` and `a` are two values.
    pub case_exact: bool,
    /// Who may write it.
    pub mutability: Mutability,
    /// When it is part of an answer.
    pub returned: Returned,
    /// Where its value may occur only once.
    pub uniqueness: Uniqueness,
    /// The values that are meant; others are taken, too (RFC 7643 §7).
    pub canonical_values: &'static [&'static str],
    /// What a reference may point to.
    pub reference_types: &'static [&'static str],
    /// What a complex value is made of.
    pub sub_attributes: Vec<Attribute>,
    /// The sub-attribute by which two elements of a list are the same one, if there is such. Not part of the schema
    /// that clients see.
    pub element_key: Option<&'static str>,
}

impl Attribute {
    fn new(name: &'static str, kind: Kind, description: &'static str) -> Self {
        Self {
            name,
            description,
            kind,
            multi_valued: false,
            required: false,
            case_exact: false,
            mutability: Mutability::ReadWrite,
            returned: Returned::Default,
            uniqueness: Uniqueness::None,
            canonical_values: &[],
            reference_types: &[],
            sub_attributes: Vec::new(),
            element_key: None,
        }
    }

    /// Text that is compared ignoring case.
    #[must_use]
    pub fn text(name: &'static str, description: &'static str) -> Self {
        Self::new(name, Kind::String, description)
    }

    /// `true` or `false`.
    #[must_use]
    pub fn boolean(name: &'static str, description: &'static str) -> Self {
        Self::new(name, Kind::Boolean, description)
    }

    /// A whole number.
    #[must_use]
    pub fn integer(name: &'static str, description: &'static str) -> Self {
        Self::new(name, Kind::Integer, description)
    }

    /// A moment.
    #[must_use]
    pub fn date_time(name: &'static str, description: &'static str) -> Self {
        Self::new(name, Kind::DateTime, description)
    }

    /// A URI of something of one of these types.
    #[must_use]
    pub fn reference(name: &'static str, types: &'static [&'static str], description: &'static str) -> Self {
        Self { reference_types: types, case_exact: true, ..Self::new(name, Kind::Reference, description) }
    }

    /// An object.
    #[must_use]
    pub fn complex(name: &'static str, description: &'static str, sub_attributes: Vec<Attribute>) -> Self {
        Self { sub_attributes, ..Self::new(name, Kind::Complex, description) }
    }

    /// Makes it a list.
    #[must_use]
    pub fn many(mut self) -> Self {
        self.multi_valued = true;
        self
    }

    /// Makes it a list whose elements are told apart by this sub-attribute.
    #[must_use]
    pub fn many_by(mut self, key: &'static str) -> Self {
        self.element_key = Some(key);
        self.many()
    }

    /// No resource is without it.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// `A` and `a` are two values.
    #[must_use]
    pub fn case_exact(mut self) -> Self {
        self.case_exact = true;
        self
    }

    /// Only the server writes it; so it is with all of its sub-attributes.
    #[must_use]
    pub fn read_only(self) -> Self {
        self.with_mutability(Mutability::ReadOnly)
    }

    /// It is written once; so it is with all of its sub-attributes.
    #[must_use]
    pub fn immutable(self) -> Self {
        self.with_mutability(Mutability::Immutable)
    }

    fn with_mutability(mut self, mutability: Mutability) -> Self {
        self.mutability = mutability;
        self.sub_attributes =
            self.sub_attributes.into_iter().map(|sub| sub.with_mutability(mutability)).collect();
        self
    }

    /// It is written and never read.
    #[must_use]
    pub fn write_only(mut self) -> Self {
        self.mutability = Mutability::WriteOnly;
        self.returned = Returned::Never;
        self
    }

    /// When it is part of an answer.
    #[must_use]
    pub fn returned(mut self, returned: Returned) -> Self {
        self.returned = returned;
        self
    }

    /// Where its value may occur only once.
    #[must_use]
    pub fn unique(mut self, uniqueness: Uniqueness) -> Self {
        self.uniqueness = uniqueness;
        self
    }

    /// The values that are meant.
    #[must_use]
    pub fn canonical(mut self, values: &'static [&'static str]) -> Self {
        self.canonical_values = values;
        self
    }

    /// Its sub-attribute of this name, in whatever case.
    #[must_use]
    pub fn sub_attribute(&self, name: &str) -> Option<&Attribute> {
        find(&self.sub_attributes, name)
    }

    /// As `/Schemas` shows it (RFC 7643 §7).
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut out = Map::new();
        out.insert("name".into(), json!(self.name));
        out.insert("type".into(), json!(self.kind.as_str()));
        out.insert("multiValued".into(), json!(self.multi_valued));
        out.insert("description".into(), json!(self.description));
        out.insert("required".into(), json!(self.required));
        if !self.canonical_values.is_empty() {
            out.insert("canonicalValues".into(), json!(self.canonical_values));
        }
        out.insert("caseExact".into(), json!(self.case_exact));
        out.insert("mutability".into(), json!(self.mutability.as_str()));
        out.insert("returned".into(), json!(self.returned.as_str()));
        out.insert("uniqueness".into(), json!(self.uniqueness.as_str()));
        if self.kind == Kind::Reference {
            out.insert("referenceTypes".into(), json!(self.reference_types));
        }
        if self.kind == Kind::Complex {
            let subs: Vec<Value> = self.sub_attributes.iter().map(Attribute::to_json).collect();
            out.insert("subAttributes".into(), Value::Array(subs));
        }
        Value::Object(out)
    }
}

/// The attribute of this name, in whatever case (RFC 7643 §2.1: names are ASCII).
pub(crate) fn find<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a Attribute> {
    attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}
