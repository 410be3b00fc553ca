//! Reads the keys of one TOML table by type, notes every mistake with its line, and refuses unknown keys.
//!
//! This module does not know what the keys mean. If a key has a mistake, its default is used so that the other mistakes
//! are found too; the whole file is refused afterwards.

use std::cell::RefCell;
use std::ops::RangeInclusive;

use toml::de::{DeTable, DeValue};

use super::mistakes::Mistake;

/// The file's text, and the mistakes found in it so far.
pub(super) struct TomlText<'t> {
    text: &'t str,
    mistakes: RefCell<Vec<Mistake>>,
    /// Keys that were read but are not in the file, as `table.key`. The tests compare them with the example.
    absent: RefCell<Vec<String>>,
}

/// One table: the whole file, or for example one `[[site]]` of it.
pub(super) struct TomlTable<'t> {
    source: &'t TomlText<'t>,
    table: &'t DeTable<'t>,
    /// Its heading in the file (`[[site]]`). Empty for the whole file.
    name: &'static str,
    at: usize,
    /// The keys that were read: all others are unknown.
    known_keys: RefCell<Vec<&'static str>>,
}

/// A value and its position in the text.
#[derive(Clone, Copy)]
pub(super) struct TomlValue<'t> {
    value: &'t DeValue<'t>,
    at: usize,
}

impl<'t> TomlText<'t> {
    pub(super) fn new(text: &'t str) -> TomlText<'t> {
        TomlText { text, mistakes: RefCell::default(), absent: RefCell::default() }
    }

    /// Parses the text. If it is not TOML, every place that is wrong is noted.
    pub(super) fn parse(&self) -> Option<DeTable<'t>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            let at = error.span().map_or(self.text.len(), |span| span.start);
            self.note(at, format!("this is not TOML: {}", error.message()));
        }
        errors.is_empty().then(|| table.into_inner())
    }

    /// Notes a mistake at byte `at` of the text.
    pub(super) fn note(&self, at: usize, mistake: String) {
        let before = &self.text.as_bytes()[..at.min(self.text.len())];
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
        self.mistakes.borrow_mut().push(Mistake { line: Some(line), text: mistake });
    }

    /// Notes a mistake in the environment, or in the file as a whole.
    pub(super) fn note_without_line(&self, mistake: String) {
        self.mistakes.borrow_mut().push(Mistake { line: None, text: mistake });
    }

    pub(super) fn into_mistakes(self) -> Vec<Mistake> {
        self.mistakes.into_inner()
    }

    #[cfg(test)]
    pub(super) fn absent(&self) -> Vec<String> {
        self.absent.borrow().clone()
    }
}

impl<'t> TomlTable<'t> {
    pub(super) fn new(source: &'t TomlText<'t>, table: &'t DeTable<'t>) -> TomlTable<'t> {
        TomlTable { source, table, name: "", at: 0, known_keys: RefCell::default() }
    }

    /// Notes a mistake at byte `at`, or in this table as a whole.
    pub(super) fn note(&self, at: Option<usize>, mistake: String) {
        self.source.note(at.unwrap_or(self.at), mistake);
    }

    /// The key's value, if the table has it.
    pub(super) fn get(&self, key: &'static str) -> Option<TomlValue<'t>> {
        let mut known_keys = self.known_keys.borrow_mut();
        if !known_keys.contains(&key) {
            known_keys.push(key);
        }
        let found = self.table.get(key);
        if found.is_none() {
            self.source.absent.borrow_mut().push(format!("{}{key}", self.name));
        }
        found.map(|value| TomlValue { value: value.get_ref(), at: value.span().start })
    }

    /// Reads a key that has a default.
    pub(super) fn or<T>(
        &self,
        key: &'static str,
        default: T,
        read: impl FnOnce(TomlValue<'t>) -> Result<T, String>,
    ) -> T {
        self.optional(key, read).unwrap_or(default)
    }

    /// Reads a key that may be missing.
    pub(super) fn optional<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(TomlValue<'t>) -> Result<T, String>,
    ) -> Option<T> {
        self.read_noting(key, self.get(key)?, read)
    }

    /// Reads a key that must be there.
    pub(super) fn required<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(TomlValue<'t>) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.get(key);
        if value.is_none() {
            self.note(None, format!("{} has no `{key}`", self.name));
        }
        self.read_noting(key, value?, read)
    }

    /// Reads a list: its items with their positions. Each wrong item is noted with its own line. If the key is missing,
    /// the list is empty.
    pub(super) fn list<T>(
        &self,
        key: &'static str,
        mut read: impl FnMut(TomlValue<'t>) -> Result<T, String>,
    ) -> Vec<(T, usize)> {
        let items = self.optional(key, TomlValue::items).unwrap_or_default();
        items.into_iter().filter_map(|item| Some((self.read_noting(key, item, &mut read)?, item.at))).collect()
    }

    /// Reads a table that may stand once, as `[key]`.
    pub(super) fn table(&self, key: &'static str, name: &'static str) -> Option<TomlTable<'t>> {
        self.optional(key, |value| self.sub_table(value, name))
    }

    /// Reads the tables written as `[[key]]`.
    pub(super) fn tables(&self, key: &'static str, name: &'static str) -> Vec<TomlTable<'t>> {
        let wrong = |_| format!("is written as tables, each under its own `{name}`");
        let items = self.optional(key, |value| value.items().map_err(wrong)).unwrap_or_default();
        items
            .into_iter()
            .filter_map(|item| self.read_noting(key, item, |item| self.sub_table(item, name).map_err(wrong)))
            .collect()
    }

    /// Notes each key of the table that was not read: it is unknown.
    pub(super) fn refuse_unknown_keys(self) {
        let known_keys = self.known_keys.into_inner();
        for (key, _) in self.table.iter().filter(|(key, _)| !known_keys.contains(&key.get_ref().as_ref())) {
            let place = if self.name.is_empty() { "the file" } else { self.name };
            let known = known_keys.join(", ");
            let mistake = format!("{place} has no key `{}`; its keys are: {known}", key.get_ref());
            self.source.note(key.span().start, mistake);
        }
    }

    fn sub_table(&self, value: TomlValue<'t>, name: &'static str) -> Result<TomlTable<'t>, String> {
        let table = value.value.as_table().ok_or_else(|| format!("is written as a table, under `{name}`"))?;
        Ok(TomlTable { source: self.source, table, name, at: value.at, known_keys: RefCell::default() })
    }

    /// Reads a value; a mistake is noted with the value's line.
    fn read_noting<T>(
        &self,
        key: &str,
        value: TomlValue<'t>,
        read: impl FnOnce(TomlValue<'t>) -> Result<T, String>,
    ) -> Option<T> {
        read(value).map_err(|wrong| self.note(Some(value.at), format!("`{key}` {wrong}"))).ok()
    }
}

impl<'t> TomlValue<'t> {
    pub(super) fn text(self) -> Result<&'t str, String> {
        self.value.as_str().ok_or_else(|| self.wrong_type("a text in quotes"))
    }

    pub(super) fn boolean(self) -> Result<bool, String> {
        self.value.as_bool().ok_or_else(|| self.wrong_type("true or false"))
    }

    pub(super) fn number(self, range: RangeInclusive<u64>) -> Result<u64, String> {
        let number = self.value.as_integer().and_then(|n| u64::from_str_radix(n.as_str(), n.radix()).ok());
        number
            .filter(|n| range.contains(n))
            .ok_or_else(|| format!("must be a whole number from {} to {}", range.start(), range.end()))
    }

    pub(super) fn items(self) -> Result<Vec<TomlValue<'t>>, String> {
        let list = self.value.as_array().ok_or_else(|| self.wrong_type("a list in brackets"))?;
        Ok(list.iter().map(|item| TomlValue { value: item.get_ref(), at: item.span().start }).collect())
    }

    fn wrong_type(self, wanted: &str) -> String {
        format!("must be {wanted}, not this {}", self.value.type_str())
    }
}
