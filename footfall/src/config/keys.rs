//! Reads the keys of one TOML table by type, notes every mistake with its line, and refuses keys nobody asked for.
//!
//! It knows TOML and nothing of what the keys mean. A key with a mistake reads as its default, so that the reading goes
//! on and finds the other mistakes too; the whole is then refused.

use std::cell::RefCell;
use std::ops::RangeInclusive;

use toml::de::{DeTable, DeValue};

use super::mistakes::Mistake;

/// The text being read, and what was found wrong with it so far.
pub(super) struct Source<'t> {
    text: &'t str,
    mistakes: RefCell<Vec<Mistake>>,
    /// Keys that were asked for and not there, as `table.key`.
    absent: RefCell<Vec<String>>,
}

/// One table: the file itself, or one `[[site]]` of it.
pub(super) struct Keys<'t> {
    source: &'t Source<'t>,
    table: &'t DeTable<'t>,
    /// As it is written in the file (`[[site]]`); empty for the file itself.
    name: &'static str,
    at: usize,
    asked: RefCell<Vec<&'static str>>,
}

/// A value and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Value<'t> {
    value: &'t DeValue<'t>,
    at: usize,
}

impl<'t> Source<'t> {
    pub(super) fn new(text: &'t str) -> Source<'t> {
        Source { text, mistakes: RefCell::default(), absent: RefCell::default() }
    }

    /// The text's tables, or every place where it is not TOML.
    pub(super) fn parse(&self) -> Option<DeTable<'t>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            let at = error.span().map_or(self.text.len(), |span| span.start);
            self.note(at, format!("this is not TOML: {}", error.message()));
        }
        errors.is_empty().then(|| table.into_inner())
    }

    /// Something is wrong at this byte of the text.
    pub(super) fn note(&self, at: usize, says: String) {
        let before = &self.text.as_bytes()[..at.min(self.text.len())];
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
        self.mistakes.borrow_mut().push(Mistake { line: Some(line), says });
    }

    /// Something is wrong with the environment, or with the file as a whole.
    pub(super) fn note_outside(&self, says: String) {
        self.mistakes.borrow_mut().push(Mistake { line: None, says });
    }

    pub(super) fn mistakes(self) -> Vec<Mistake> {
        self.mistakes.into_inner()
    }

    #[cfg(test)]
    pub(super) fn absent(&self) -> Vec<String> {
        self.absent.borrow().clone()
    }
}

impl<'t> Keys<'t> {
    pub(super) fn new(source: &'t Source<'t>, table: &'t DeTable<'t>) -> Keys<'t> {
        Keys { source, table, name: "", at: 0, asked: RefCell::default() }
    }

    /// Says that something is wrong with this table, or at a byte of it.
    pub(super) fn note(&self, at: Option<usize>, says: String) {
        self.source.note(at.unwrap_or(self.at), says);
    }

    /// The key's value, if it is there.
    pub(super) fn get(&self, key: &'static str) -> Option<Value<'t>> {
        let mut asked = self.asked.borrow_mut();
        if !asked.contains(&key) {
            asked.push(key);
        }
        let found = self.table.get(key);
        if found.is_none() {
            self.source.absent.borrow_mut().push(format!("{}{key}", self.name));
        }
        found.map(|value| Value { value: value.get_ref(), at: value.span().start })
    }

    /// A key that has a default.
    pub(super) fn or<T>(&self, key: &'static str, default: T, read: impl FnOnce(Value<'t>) -> Result<T, String>) -> T {
        self.optional(key, read).unwrap_or(default)
    }

    /// A key that may be missing.
    pub(super) fn optional<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(Value<'t>) -> Result<T, String>,
    ) -> Option<T> {
        self.noted(key, self.get(key)?, read)
    }

    /// A key that must be there.
    pub(super) fn required<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(Value<'t>) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.get(key);
        if value.is_none() {
            self.note(None, format!("{} has no `{key}`", self.name));
        }
        self.noted(key, value?, read)
    }

    /// A list with the place of each item; wrong items are each named with their own line. Not there: empty.
    pub(super) fn list<T>(
        &self,
        key: &'static str,
        mut read: impl FnMut(Value<'t>) -> Result<T, String>,
    ) -> Vec<(T, usize)> {
        let items = self.optional(key, Value::items).unwrap_or_default();
        items.into_iter().filter_map(|item| Some((self.noted(key, item, &mut read)?, item.at))).collect()
    }

    /// A table that stands once, as `[key]`. Not there: an empty one.
    pub(super) fn table(&self, key: &'static str, name: &'static str) -> Option<Keys<'t>> {
        self.optional(key, |value| self.sub(value, name))
    }

    /// The tables written as `[[key]]`.
    pub(super) fn tables(&self, key: &'static str, name: &'static str) -> Vec<Keys<'t>> {
        let wrong = |_| format!("is written as tables, each under its own `{name}`");
        let items = self.optional(key, |value| value.items().map_err(wrong)).unwrap_or_default();
        items.into_iter().filter_map(|item| self.noted(key, item, |item| self.sub(item, name).map_err(wrong))).collect()
    }

    /// Names the keys that nobody asked for.
    pub(super) fn end(self) {
        let asked = self.asked.into_inner();
        for (key, _) in self.table.iter().filter(|(key, _)| !asked.contains(&key.get_ref().as_ref())) {
            let place = if self.name.is_empty() { "the file" } else { self.name };
            let known = asked.join(", ");
            let says = format!("{place} has no key `{}`; its keys are: {known}", key.get_ref());
            self.source.note(key.span().start, says);
        }
    }

    fn sub(&self, value: Value<'t>, name: &'static str) -> Result<Keys<'t>, String> {
        let table = value.value.as_table().ok_or_else(|| format!("is written as a table, under `{name}`"))?;
        Ok(Keys { source: self.source, table, name, at: value.at, asked: RefCell::default() })
    }

    fn noted<T>(&self, key: &str, value: Value<'t>, read: impl FnOnce(Value<'t>) -> Result<T, String>) -> Option<T> {
        read(value).map_err(|wrong| self.note(Some(value.at), format!("`{key}` {wrong}"))).ok()
    }
}

impl<'t> Value<'t> {
    pub(super) fn text(self) -> Result<&'t str, String> {
        self.value.as_str().ok_or_else(|| self.not("a text in quotes"))
    }

    pub(super) fn flag(self) -> Result<bool, String> {
        self.value.as_bool().ok_or_else(|| self.not("true or false"))
    }

    pub(super) fn number(self, range: RangeInclusive<u64>) -> Result<u64, String> {
        let number = self.value.as_integer().and_then(|n| u64::from_str_radix(n.as_str(), n.radix()).ok());
        number
            .filter(|n| range.contains(n))
            .ok_or_else(|| format!("must be a whole number from {} to {}", range.start(), range.end()))
    }

    pub(super) fn items(self) -> Result<Vec<Value<'t>>, String> {
        let list = self.value.as_array().ok_or_else(|| self.not("a list in brackets"))?;
        Ok(list.iter().map(|item| Value { value: item.get_ref(), at: item.span().start }).collect())
    }

    fn not(self, wanted: &str) -> String {
        format!("must be {wanted}, not this {}", self.value.type_str())
    }
}
