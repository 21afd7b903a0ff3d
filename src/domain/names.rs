//! One name table per enum: the word that is stored, sent and shown.

/// Declares an enum whose variants have a stable word, with one table for both directions.
///
/// `open` enums keep words that this build does not know (from Flink or from a newer store) as `Other(String)`; `closed`
/// enums refuse them.
#[macro_export]
macro_rules! words {
    (closed $(#[$m:meta])* $name:ident { $($(#[$vm:meta])* $v:ident = $w:literal),+ $(,)? }) => {
        $(#[$m])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vm])* #[serde(rename = $w)] $v),+ }
        impl $name {
            /// Every value, in declaration order.
            pub const ALL: &'static [Self] = &[$(Self::$v),+];
            /// The stable word.
            #[must_use]
            pub const fn as_str(self) -> &'static str { match self { $(Self::$v => $w),+ } }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.pad(self.as_str()) }
        }
        impl std::str::FromStr for $name {
            type Err = $crate::domain::names::UnknownWord;
            fn from_str(s: &str) -> Result<Self, Self::Err> {
                match s { $($w => Ok(Self::$v),)+ _ => Err($crate::domain::names::UnknownWord::new(s, &[$($w),+])) }
            }
        }
        // By hand: a derive does not see words that come through a macro.
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::schema::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .enum_values(Some([$($w),+]))
                    .into()
            }
        }
        impl utoipa::ToSchema for $name {}
    };
    (open $(#[$m:meta])* $name:ident { $($(#[$vm:meta])* $v:ident = $w:literal),+ $(,)? }) => {
        $(#[$m])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$vm])* $v,)+
            /// A word this build does not know, kept as it came.
            Other(String),
        }
        impl $name {
            /// Every known word, in declaration order.
            pub const WORDS: &'static [&'static str] = &[$($w),+];
            /// The stable word, or the unknown one as it came.
            #[must_use]
            pub fn as_str(&self) -> &str { match self { $(Self::$v => $w,)+ Self::Other(s) => s } }
            /// Reads a word; an unknown one is kept.
            #[must_use]
            pub fn from_word(s: &str) -> Self { match s { $($w => Self::$v,)+ other => Self::Other(other.to_owned()) } }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.pad(self.as_str()) }
        }
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> { s.serialize_str(self.as_str()) }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                Ok(Self::from_word(&<String as serde::Deserialize>::deserialize(d)?))
            }
        }
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> { <String as utoipa::PartialSchema>::schema() }
        }
        impl utoipa::ToSchema for $name {}
    };
}

/// A word outside a closed table, with the nearest known one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown word {word:?}; known: {known}{}", nearest.as_ref().map(|n| format!("; did you mean {n:?}?")).unwrap_or_default())]
pub struct UnknownWord {
    /// What was given.
    pub word: String,
    /// The known words, comma-separated.
    pub known: String,
    /// The nearest known word, when one is near.
    pub nearest: Option<String>,
}

impl UnknownWord {
    /// Builds the error for `word` against a table.
    #[must_use]
    pub fn new(word: &str, known: &[&str]) -> Self {
        Self { word: word.to_owned(), known: known.join(", "), nearest: nearest(word, known.iter().copied()) }
    }
}

/// The candidate nearest to `word`, when it is near enough to be a slip of the hand.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest_few(word, candidates, 1).into_iter().next()
}

/// Up to `n` candidates near to `word`, nearest first.
pub fn nearest_few<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>, n: usize) -> Vec<String> {
    let lower = word.to_lowercase();
    let mut scored: Vec<(f64, &str)> = candidates
        .into_iter()
        .map(|c| {
            let cl = c.to_lowercase();
            // The names of an application's deployments have a long beginning in common that tells nothing.
            let score = match (lower.split_once('/'), cl.split_once('/')) {
                (Some((app, name)), Some((known_app, known))) => {
                    likeness(app, known_app).min(likeness(name, known))
                }
                _ => likeness(&lower, &cl),
            };
            (score, c)
        })
        .filter(|(score, _)| *score >= 0.8)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    scored.into_iter().take(n).map(|(_, c)| c.to_owned()).collect()
}

/// 1 for equal words, 0 for words that have nothing in common.
fn likeness(word: &str, known: &str) -> f64 {
    let part = if !word.is_empty() && known.contains(word) { 0.9 } else { 0.0 };
    strsim::jaro_winkler(word, known).max(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_finds_slips_and_nothing_far() {
        assert_eq!(nearest("prodution", ["staging", "production"]), Some("production".into()));
        assert_eq!(nearest("xyz", ["staging", "production"]), None);
        assert_eq!(
            nearest("pay", ["payments-dashboard/production"]),
            Some("payments-dashboard/production".into())
        );
        let known = ["dash-board/production", "dash-board/canary", "dash-board/staging", "other/production"];
        for (given, near) in [
            ("dash-board/prodution", vec!["dash-board/production"]),
            ("dashboard/production", vec!["dash-board/production"]),
            ("dash-board/stagin", vec!["dash-board/staging"]),
            ("dash-board/x", vec![]),
        ] {
            assert_eq!(nearest_few(given, known, 3), near, "{given}");
        }
    }
}
