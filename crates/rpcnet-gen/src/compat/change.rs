//! One change between two versions, and all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::mem;
use std::path::PathBuf;

/// A change between two versions of a definition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Change {
    /// Whether peers of the two versions can still talk.
    pub severity: Severity,
    /// Where: in the new version, or in the old one for what is gone from the new.
    pub site: Site,
    /// What sort of change it is.
    pub kind: ChangeKind,
    /// What changed, in a sentence.
    pub message: String,
    /// For which codecs it breaks; for none unless the severity is [`Severity::Breaking`].
    pub breaks: Breaks,
    /// The wire names of the methods that it touches, sorted.
    pub methods: Vec<String>,
}

/// What a change means for peers of different versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Peers of the two versions do not understand each other.
    Breaking,
    /// They do, but one may rely on what the other no longer promises.
    Warning,
    /// Nothing breaks.
    Note,
}

/// A place in a definition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Site {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
}

/// The codecs for which a change breaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Breaks {
    /// Codecs that go by position: postcard and bincode. Peers compare fingerprints of the
    /// messages, which cover names too.
    pub postcard: bool,
    /// Codecs that go by name: JSON and MessagePack.
    pub json: bool,
    /// Protocol Buffers.
    pub protobuf: bool,
}

/// What sort of change it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each is what `code` says in words")]
pub enum ChangeKind {
    ServiceRemoved,
    ServiceRenamed,
    ServiceAdded,
    CodecChanged,
    MethodRemoved,
    MethodRenamed,
    MethodAdded,
    StreamingChanged,
    ArgumentAdded,
    ArgumentRemoved,
    ArgumentRenamed,
    ArgumentRetyped,
    ArgumentsReordered,
    RequestItemRetyped,
    ReplyRetyped,
    ResponseItemRetyped,
    ErrorRetyped,
    IdempotentRemoved,
    IdempotentAdded,
    TimeoutChanged,
    KindChanged,
    GenericsChanged,
    FieldAdded,
    FieldRemoved,
    FieldRenamed,
    FieldRetyped,
    FieldsReordered,
    VariantAdded,
    VariantRemoved,
    VariantRenamed,
    VariantsReordered,
    EncodingChanged,
    DefaultChanged,
}

/// The changes between two versions of a definition: what breaks first, then by place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes(Vec<Change>);

impl Changes {
    /// The same change, found once for each of several methods, is one.
    pub(super) fn new(changes: Vec<Change>) -> Self {
        let mut methods_of: BTreeMap<Change, BTreeSet<String>> = BTreeMap::new();
        for mut change in changes {
            let methods = mem::take(&mut change.methods);
            methods_of.entry(change).or_default().extend(methods);
        }
        let whole = |(change, methods): (Change, BTreeSet<_>)| Change {
            methods: methods.into_iter().collect(),
            ..change
        };
        Self(methods_of.into_iter().map(whole).collect())
    }

    /// All changes, in order.
    #[must_use]
    pub fn as_slice(&self) -> &[Change] {
        &self.0
    }

    /// Whether there is a change that breaks.
    #[must_use]
    pub fn is_breaking(&self) -> bool {
        self.0
            .iter()
            .any(|change| change.severity == Severity::Breaking)
    }
}

impl Change {
    /// A change that breaks for `breaks`, or a note if that is nobody.
    pub(super) fn new(kind: ChangeKind, breaks: Breaks, site: &Site, message: String) -> Self {
        let severity = if breaks.any() {
            Severity::Breaking
        } else {
            Severity::Note
        };
        Self {
            severity,
            site: site.clone(),
            kind,
            message,
            breaks,
            methods: Vec::new(),
        }
    }

    pub(super) fn note(kind: ChangeKind, site: &Site, message: String) -> Self {
        Self::new(kind, Breaks::default(), site, message)
    }
}

impl Breaks {
    /// Breaks whoever goes by position, and nobody else.
    pub(super) const POSTCARD: Self = Self {
        postcard: true,
        json: false,
        protobuf: false,
    };

    /// Breaks every codec of serde.
    pub(super) const SERDE: Self = Self {
        postcard: true,
        json: true,
        protobuf: false,
    };

    /// Breaks Protocol Buffers.
    pub(super) const PROTOBUF: Self = Self {
        postcard: false,
        json: false,
        protobuf: true,
    };

    /// The names of the codecs: `postcard`, `json`, `protobuf`.
    pub fn codecs(self) -> impl Iterator<Item = &'static str> {
        [
            (self.postcard, "postcard"),
            (self.json, "json"),
            (self.protobuf, "protobuf"),
        ]
        .into_iter()
        .filter_map(|(breaks, name)| breaks.then_some(name))
    }

    /// Whether it breaks for any codec.
    #[must_use]
    pub fn any(self) -> bool {
        self != Self::default()
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self {
            postcard: self.postcard || other.postcard,
            json: self.json || other.json,
            protobuf: self.protobuf || other.protobuf,
        }
    }
}

impl Severity {
    /// The word for it: `breaking`, `warning` or `note`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Breaking => "breaking",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

impl ChangeKind {
    /// A name for programs, which stays as it is from version to version: `field-added`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::ServiceRemoved => "service-removed",
            Self::ServiceRenamed => "service-renamed",
            Self::ServiceAdded => "service-added",
            Self::CodecChanged => "codec-changed",
            Self::MethodRemoved => "method-removed",
            Self::MethodRenamed => "method-renamed",
            Self::MethodAdded => "method-added",
            Self::StreamingChanged => "streaming-changed",
            Self::ArgumentAdded => "argument-added",
            Self::ArgumentRemoved => "argument-removed",
            Self::ArgumentRenamed => "argument-renamed",
            Self::ArgumentRetyped => "argument-retyped",
            Self::ArgumentsReordered => "arguments-reordered",
            Self::RequestItemRetyped => "request-item-retyped",
            Self::ReplyRetyped => "reply-retyped",
            Self::ResponseItemRetyped => "response-item-retyped",
            Self::ErrorRetyped => "error-retyped",
            Self::IdempotentRemoved => "idempotent-removed",
            Self::IdempotentAdded => "idempotent-added",
            Self::TimeoutChanged => "timeout-changed",
            Self::KindChanged => "kind-changed",
            Self::GenericsChanged => "generics-changed",
            Self::FieldAdded => "field-added",
            Self::FieldRemoved => "field-removed",
            Self::FieldRenamed => "field-renamed",
            Self::FieldRetyped => "field-retyped",
            Self::FieldsReordered => "fields-reordered",
            Self::VariantAdded => "variant-added",
            Self::VariantRemoved => "variant-removed",
            Self::VariantRenamed => "variant-renamed",
            Self::VariantsReordered => "variants-reordered",
            Self::EncodingChanged => "encoding-changed",
            Self::DefaultChanged => "default-changed",
        }
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no change on the wire");
        }
        for (index, group) in self.0.chunk_by(|a, b| a.severity == b.severity).enumerate() {
            let line_break = if index > 0 { "\n" } else { "" };
            write!(f, "{line_break}{}:", group[0].severity.word())?;
            for change in group {
                write!(f, "\n  {change}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.site, self.message)?;
        if self.breaks.any() {
            let codecs: Vec<_> = self.breaks.codecs().collect();
            write!(f, " (breaks {})", codecs.join(", "))?;
        }
        if !self.methods.is_empty() {
            write!(f, " [{}]", self.methods.join(", "))?;
        }
        Ok(())
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}
