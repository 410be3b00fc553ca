//! The macro for enums whose values have a label and, where they travel, a code.

/// Declares a closed set of values.
///
/// With codes (`Pageview = 1 "pageview",`) a value has a number on the wire, which is never reused, and a label in
/// tables, metrics and answers. Without codes (`Email "email",`) it only has a label.
macro_rules! closed_set {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $code:literal $label:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vmeta])* $variant = $code,)* }

        impl $name {
            /// The number on the wire; never reused.
            pub fn code(self) -> u32 {
                self as u32
            }

            /// The value of a number on the wire.
            pub fn from_code(code: u32) -> Option<$name> {
                match code { $($code => Some($name::$variant),)* _ => None }
            }
        }

        closed_set!(@labels $name { $($variant $label,)* });
    };
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident $label:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vmeta])* $variant,)* }

        closed_set!(@labels $name { $($variant $label,)* });
    };
    (@labels $name:ident { $($variant:ident $label:literal,)* }) => {
        impl $name {
            /// All values, in the order in which they are declared.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The name in tables, metrics and answers.
            pub fn label(self) -> &'static str {
                match self { $($name::$variant => $label,)* }
            }
        }
    };
}
pub(crate) use closed_set;
