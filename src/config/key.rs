//! What a key of the configuration is: its type, range and default in one place, from which the
//! file is read, errors are worded and the reference is written.

use toml::{Table, Value};

use super::size::ByteSize;

/// One key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub(super) section: &'static str,
    /// Within the section; with a point inside an inline table.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// What it counts, where its name does not say.
    pub(super) unit: &'static str,
    pub(super) fallback: Fallback,
    /// Whether a reload can change it.
    pub(super) reloads: bool,
    pub(super) meaning: &'static str,
}

/// What holds where the key is not written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fallback {
    /// This value, as TOML.
    Is(&'static str),
    /// What these words say; it may be written so.
    Says(&'static str, &'static str),
    /// It has to be written, for example so.
    Required(&'static str),
}

/// Leaves a number to the machine.
pub(super) const AUTO: &str = "auto";

/// Which values it takes: numbers from one to the other.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Flag,
    Whole(usize, usize),
    /// The same, or [`AUTO`].
    WholeOrAuto(usize, usize),
    Real(f64, f64),
    Size(usize, usize),
    /// A text of the form that is described.
    Text(&'static str),
    OneOf(fn() -> Vec<&'static str>),
    Texts(&'static str),
    SomeOf(fn() -> Vec<&'static str>),
    Wholes(&'static str),
}

impl Kind {
    /// As the reference calls it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Flag => "true or false",
            Self::Whole(..) => "whole number",
            Self::WholeOrAuto(..) => "whole number or text",
            Self::Real(..) => "number",
            Self::Size(..) => "size",
            Self::Text(_) | Self::OneOf(_) => "text",
            Self::Texts(_) | Self::SomeOf(_) => "list of texts",
            Self::Wholes(_) => "list of whole numbers",
        }
    }

    /// What values there are, in words.
    pub(super) fn range(self) -> String {
        match self {
            Self::Flag => "`true`, `false`".to_owned(),
            Self::Whole(min, max) => format!("{min} to {max}"),
            Self::WholeOrAuto(min, max) => format!("{min} to {max}, or \"{AUTO}\""),
            Self::Real(min, max) => format!("{min:?} to {max:?}"),
            Self::Size(min, max) => format!("{} to {}", ByteSize(min), ByteSize(max)),
            Self::Text(form) | Self::Texts(form) | Self::Wholes(form) => form.to_owned(),
            Self::OneOf(names) | Self::SomeOf(names) => names().join(", "),
        }
    }

    /// Whether a value is one of its kind.
    ///
    /// # Errors
    /// What to write instead.
    pub(super) fn check(self, value: &Value) -> Result<(), String> {
        let good = match self {
            Self::Flag => value.is_bool(),
            Self::Whole(min, max) => {
                let whole = value.as_integer().and_then(|whole| usize::try_from(whole).ok());
                whole.is_some_and(|whole| (min..=max).contains(&whole))
            }
            Self::WholeOrAuto(min, max) => {
                value.as_str() == Some(AUTO) || Self::Whole(min, max).check(value).is_ok()
            }
            Self::Real(min, max) => real(value).is_some_and(|real| (min..=max).contains(&real)),
            Self::Size(min, max) => ByteSize::try_from(value.clone())
                .is_ok_and(|ByteSize(bytes)| (min..=max).contains(&bytes)),
            Self::Text(_) => value.is_str(),
            Self::OneOf(names) => value.as_str().is_some_and(|name| names().contains(&name)),
            Self::Texts(_) | Self::SomeOf(_) | Self::Wholes(_) => {
                let items = value.as_array().ok_or_else(|| self.remedy())?;
                items.iter().all(|item| self.has_item(item))
            }
        };
        if good { Ok(()) } else { Err(self.remedy()) }
    }

    fn has_item(self, item: &Value) -> bool {
        match self {
            Self::Texts(_) => item.is_str(),
            Self::SomeOf(names) => item.as_str().is_some_and(|name| names().contains(&name)),
            _ => item.as_integer().is_some_and(|whole| whole >= 0),
        }
    }

    /// What to write instead of something wrong.
    pub(super) fn remedy(self) -> String {
        match self {
            Self::Flag => "must be true or false".to_owned(),
            Self::Whole(..) | Self::WholeOrAuto(..) | Self::Real(..) => {
                format!("must be from {}", self.range())
            }
            Self::Size(..) => {
                format!("must be from {}; write a size like \"64MiB\" or 67108864", self.range())
            }
            Self::Text(form) => format!("write {form}"),
            Self::OneOf(_) => format!("must be one of: {}", self.range()),
            Self::Texts(form) | Self::Wholes(form) => format!("write a list of {form}"),
            Self::SomeOf(_) => {
                let (names, first) = (self.range(), self.first());
                format!("must be one of: {names}; write a list like [\"{first}\"]")
            }
        }
    }

    /// The same for a value that was written.
    pub(super) fn remedy_for(self, value: &Value) -> String {
        let is_number = matches!(self, Self::Whole(..) | Self::Real(..));
        let hint = match value {
            Value::String(_) if is_number => "; write the number alone, without quotes or unit",
            Value::Float(_) if matches!(self, Self::Whole(..) | Self::WholeOrAuto(..)) => {
                "; write a whole number"
            }
            _ => "",
        };
        format!("{}{hint}", self.remedy())
    }

    fn first(self) -> &'static str {
        match self {
            Self::SomeOf(names) => names().first().copied().unwrap_or_default(),
            _ => "",
        }
    }

    const fn is_list(self) -> bool {
        matches!(self, Self::Texts(_) | Self::SomeOf(_) | Self::Wholes(_))
    }

    /// What to write into a variable of the environment.
    pub(super) fn variable_remedy(self) -> String {
        let like = match self {
            Self::Wholes(_) => "0,1 or [0, 1]".to_owned(),
            Self::SomeOf(_) => format!("{0} or [\"{0}\"]", self.first()),
            Self::Texts(_) => "one,other or [\"one\", \"other\"]".to_owned(),
            _ => return self.remedy(),
        };
        format!("{}; in a variable {like}", self.remedy())
    }

    /// The text of a variable as a value: TOML where it is of the kind, else the text itself; a
    /// list also by commas alone.
    pub(super) fn value_of(self, text: &str) -> Value {
        let text = text.trim();
        let parsed = as_toml(text).filter(|value| self.check(value).is_ok());
        if let Some(value) = parsed {
            return value;
        }
        if !self.is_list() || text.starts_with('[') {
            return as_toml(text)
                .filter(|_| !matches!(self, Self::Text(_) | Self::OneOf(_)))
                .unwrap_or_else(|| Value::String(text.to_owned()));
        }
        // One comma may stand at the end, and nothing at all is an empty list.
        let text = text.strip_suffix(',').unwrap_or(text);
        let items = text.split(',').map(str::trim).filter(|_| !text.is_empty());
        let is_decimal = |item: &str| item.bytes().all(|byte| byte.is_ascii_digit());
        let item = |item: &str| match self {
            Self::Wholes(_) => as_toml(item)
                .filter(|_| is_decimal(item))
                .unwrap_or_else(|| Value::String(item.to_owned())),
            _ => Value::String(item.trim_matches('"').to_owned()),
        };
        Value::Array(items.map(item).collect())
    }
}

/// The text as a TOML value, where it is one.
pub(super) fn as_toml(text: &str) -> Option<Value> {
    format!("value = {text}").parse::<Table>().ok()?.remove("value")
}

/// A number that may be written without a point.
pub(super) fn real(value: &Value) -> Option<f64> {
    value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64))
}

impl Key {
    /// The name of the inline table that it stands in, or its own.
    pub(super) fn outer_name(&self) -> &'static str {
        self.name.split('.').next().unwrap_or(self.name)
    }

    /// What holds where it is not written, unless words say so.
    pub(super) fn default_value(&self) -> Option<Value> {
        match self.fallback {
            Fallback::Is(text) => as_toml(text),
            Fallback::Says(..) | Fallback::Required(_) => None,
        }
    }

    /// The variable of the environment that sets it; `N` is the place of a feed, from 0.
    pub(super) fn variable(&self, place: &str) -> String {
        let name = self.name.replace('.', "_").to_uppercase();
        match self.section {
            "feed" => format!("TICKWIRE_FEED_{place}_{name}"),
            section => format!("TICKWIRE_{}_{name}", section.to_uppercase()),
        }
    }
}

/// The candidate that was probably meant: at most a third of its letters differ.
pub(super) fn nearest<'a>(
    name: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let distances = candidates.map(|candidate| (distance(name, candidate), candidate));
    let (distance, candidate) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= candidate.len().max(name.len()).div_ceil(3)).then_some(candidate)
}

/// How many letters have to be added, removed or replaced to make one of the other.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, a) in one.bytes().enumerate() {
        let mut corner = row[0];
        row[0] = index + 1;
        for (column, b) in other.bytes().enumerate() {
            let replaced = corner + usize::from(a != b);
            corner = row[column + 1];
            row[column + 1] = replaced.min(corner + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_the_one_with_the_fewest_letters_changed() {
        let names = || ["listen", "max_clients", "max_clients_per_ip", "poll"].into_iter();
        for (name, meant) in [
            ("listen_on", Some("listen")),
            ("max_client", Some("max_clients")),
            ("maxclients", Some("max_clients")),
            ("pol", Some("poll")),
            ("jwt_secret", None),
        ] {
            assert_eq!(nearest(name, names()), meant, "{name}");
        }
    }

    #[test]
    fn a_variable_may_hold_a_list_either_way() {
        let texts = Kind::Texts("symbols");
        let list = Value::Array(vec!["BTC/USDT".into(), "ETH/USDT".into()]);
        for text in ["BTC/USDT,ETH/USDT", " BTC/USDT , ETH/USDT,", "[\"BTC/USDT\", \"ETH/USDT\"]"] {
            assert_eq!(texts.value_of(text), list, "{text}");
        }
        let wholes = Kind::Wholes("CPUs");
        let cpus = Value::Array(vec![0.into(), 1.into()]);
        assert_eq!(wholes.value_of("0,1"), cpus);
        assert_eq!(wholes.value_of("[0, 1]"), cpus);
        assert_eq!(wholes.value_of("1"), Value::Array(vec![1.into()]));
        assert!(wholes.check(&wholes.value_of("a")).is_err());
        assert_eq!(Kind::Text("a name").value_of("5"), Value::String("5".into()));
        assert_eq!(Kind::Text("a name").value_of("\"5\""), Value::String("5".into()));
        assert_eq!(Kind::Flag.value_of("true"), Value::Boolean(true));
    }
}
