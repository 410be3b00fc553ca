//! JSON values as trackers write them: numbers as text, flags as numbers, properties as an object or as text that
//! contains one.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Unexpected, Visitor};

use super::{PROPERTIES_MAX, Property};

/// Text, or a whole number as text: a tracker may send 404 as a number.
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

/// `true`, or a number that is not 0, or either of them as text.
pub(super) struct Flag(pub(super) bool);

/// A number of pixels; anything else is ignored.
pub(super) struct Pixels(pub(super) Option<u32>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text<'a>, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }
        }
        deserializer.deserialize_any(TextVisitor)
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Flag, D::Error> {
        struct FlagVisitor;
        impl Visitor<'_> for FlagVisitor {
            type Value = Flag;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true or false")
            }
            fn visit_bool<E: Error>(self, flag: bool) -> Result<Flag, E> {
                Ok(Flag(flag))
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Flag, E> {
                Ok(Flag(number != 0))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Flag, E> {
                match text {
                    "true" | "1" => Ok(Flag(true)),
                    "false" | "0" | "" => Ok(Flag(false)),
                    _ => Err(E::invalid_value(Unexpected::Other("text"), &self)),
                }
            }
        }
        deserializer.deserialize_any(FlagVisitor)
    }
}

impl<'de> Deserialize<'de> for Pixels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Pixels, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Any {
            Whole(u32),
            Part(f64),
            Other(IgnoredAny),
        }
        Ok(Pixels(match Any::deserialize(deserializer)? {
            Any::Whole(px) => Some(px),
            Any::Part(px) if px.is_finite() && px >= 0.0 => Some(px as u32),
            Any::Part(_) | Any::Other(IgnoredAny) => None,
        }))
    }
}

/// Properties: an object of plain values, or text that contains such an object. Anything else is ignored, also values
/// that are not plain.
#[derive(Default)]
pub(super) struct Properties<'a>(pub(super) Vec<Property<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for Properties<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Properties<'a>, D::Error> {
        struct PropertiesVisitor;
        impl<'de> Visitor<'de> for PropertiesVisitor {
            type Value = Properties<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("properties")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Properties<'de>, A::Error> {
                let mut all = Vec::new();
                while let Some(Text(name)) = map.next_key()? {
                    match map.next_value()? {
                        PlainValue(Some(value)) if all.len() < PROPERTIES_MAX => all.push((name, value)),
                        PlainValue(_) => {}
                    }
                }
                Ok(Properties(all))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Properties<'de>, E> {
                let inside: Result<Properties<'_>, _> = serde_json::from_str(text);
                let owned = |(name, value): Property<'_>| (name.into_owned().into(), value.into_owned().into());
                Ok(Properties(inside.map(|all| all.0.into_iter().map(owned).collect()).unwrap_or_default()))
            }
            fn visit_unit<E: Error>(self) -> Result<Properties<'de>, E> {
                Ok(Properties::default())
            }
            fn visit_bool<E: Error>(self, _: bool) -> Result<Properties<'de>, E> {
                Ok(Properties::default())
            }
            fn visit_u64<E: Error>(self, _: u64) -> Result<Properties<'de>, E> {
                Ok(Properties::default())
            }
            fn visit_i64<E: Error>(self, _: i64) -> Result<Properties<'de>, E> {
                Ok(Properties::default())
            }
            fn visit_f64<E: Error>(self, _: f64) -> Result<Properties<'de>, E> {
                Ok(Properties::default())
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Properties<'de>, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Properties::default())
            }
        }
        deserializer.deserialize_any(PropertiesVisitor)
    }
}

/// A plain value as text; `None` if it is blank, `null`, an object or a list.
pub(super) struct PlainValue<'a>(pub(super) Option<Cow<'a, str>>);

impl<'de: 'a, 'a> Deserialize<'de> for PlainValue<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<PlainValue<'a>, D::Error> {
        struct PlainVisitor;
        impl<'de> Visitor<'de> for PlainVisitor {
            type Value = PlainValue<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<PlainValue<'de>, E> {
                Ok(PlainValue((!text.trim().is_empty()).then_some(Cow::Borrowed(text))))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<PlainValue<'de>, E> {
                Ok(PlainValue((!text.trim().is_empty()).then(|| Cow::Owned(text.to_owned()))))
            }
            fn visit_bool<E: Error>(self, flag: bool) -> Result<PlainValue<'de>, E> {
                Ok(PlainValue(Some(if flag { "true" } else { "false" }.into())))
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<PlainValue<'de>, E> {
                Ok(PlainValue(Some(number.to_string().into())))
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<PlainValue<'de>, E> {
                Ok(PlainValue(Some(number.to_string().into())))
            }
            fn visit_f64<E: Error>(self, number: f64) -> Result<PlainValue<'de>, E> {
                Ok(PlainValue(Some(number.to_string().into())))
            }
            fn visit_unit<E: Error>(self) -> Result<PlainValue<'de>, E> {
                Ok(PlainValue(None))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PlainValue<'de>, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(PlainValue(None))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<PlainValue<'de>, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(PlainValue(None))
            }
        }
        deserializer.deserialize_any(PlainVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(json: &str) -> Vec<(String, String)> {
        let Properties(all) = serde_json::from_str(json).unwrap();
        all.into_iter().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
    }

    #[test]
    fn properties_are_plain_values_of_an_object_or_of_text_that_contains_one() {
        let want = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        for json in [
            r#"{"a":"x","b":7,"c":true,"d":null,"e":{"f":1},"g":["h"],"i":" "}"#,
            r#""{\"a\":\"x\",\"b\":7,\"c\":true,\"d\":null}""#,
        ] {
            assert_eq!(properties(json), want(&[("a", "x"), ("b", "7"), ("c", "true")]), "{json}");
        }
        for none in ["null", "7", "-7", "1.5", "true", "[1,{}]", "\"x\"", "{}"] {
            assert_eq!(properties(none), [], "{none}");
        }
        let many: Vec<_> = (0..99).map(|n| format!("\"k{n}\":{n}")).collect();
        assert_eq!(properties(&format!("{{{}}}", many.join(","))).len(), PROPERTIES_MAX);
    }
}
