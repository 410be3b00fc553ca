//! The key and the sums of each cube, and the cells of a site, made from the one declaration of cubes in `schema`.
//!
//! A cube declared as `visits: Visits … { VisitKey { entry … } + profile { … } VisitSums: i32 { bounces … } }` becomes
//! `VisitKey { when, entry, …, profile }`, `VisitSums { bounces, … }` and `CubeCells::visits`. The fold fills them;
//! nothing else of the fold lists cubes or their columns.

use std::collections::BTreeMap;
use std::hash::Hash;

use schema::cubes::Cube;
use schema::day::{Day, bucket_of, hour_of};
use schema::event::{Channel, Kind};
use schema::live_cubes;

use super::cells::Cells;
use super::columns::block;
use super::names::{Name, of_channel, of_kind};
use super::profile::Profiles;
use super::site::Site;
use warehouse::Rows;

/// The finest time that leaves the fold.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct When {
    pub(super) bucket: u32,
    pub(super) hour: u32,
}

impl When {
    pub(super) fn of(time_s: u32, offset_quarters: i8) -> When {
        When { bucket: bucket_of(time_s), hour: hour_of(time_s, offset_quarters) }
    }
}

/// In the key of a cube whose rows have no time.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Untimed;

/// Distinguishes the rows of one cube.
pub(super) trait Key: Eq + Hash + Clone {
    /// The cube.
    const CUBE: Cube;
    /// An array, one name per dimension.
    type Names: AsRef<[Name]>;
    /// In the order of `CUBE.dimensions()`.
    fn names(&self, profiles: &Profiles) -> Self::Names;
    /// None if the cube is not timed.
    fn when(&self) -> Option<When>;
}

/// What the fields of a key stand for.
trait Named {
    fn name(&self) -> Name;
}

impl Named for Name {
    fn name(&self) -> Name {
        *self
    }
}

impl Named for Channel {
    fn name(&self) -> Name {
        of_channel(*self)
    }
}

impl Named for Kind {
    fn name(&self) -> Name {
        of_kind(*self)
    }
}

macro_rules! when {
    (timed) => {
        When
    };
    (untimed) => {
        Untimed
    };
    (timed, $key:expr) => {
        Some($key.when)
    };
    (untimed, $key:expr) => {
        None
    };
}

macro_rules! fold_cubes {
    ($(
        $(#[$doc:meta])*
        $field:ident: $cube:ident = $code:literal $label:literal, $timed:ident by $order:ident {
            $key:ident { $($name:ident: $type:ident => $dimension:ident,)* }
            $(+ profile { $($attribute:ident => $frozen:ident,)* })?
            $sums:ident: $number:ident { $($sum:ident => $measure:ident,)* }
        }
    )*) => {
        $(
            #[doc = concat!("A key of `", $label, "`.")]
            #[derive(Clone, PartialEq, Eq, Hash)]
            pub(super) struct $key {
                pub(super) when: when!($timed),
                $(pub(super) $name: $type,)*
                $(
                    #[doc = concat!("Stands for the frozen dimensions", $(" ", stringify!($attribute),)* ".")]
                    pub(super) profile: u32,
                )?
            }

            impl Key for $key {
                const CUBE: Cube = Cube::$cube;
                type Names = [Name; [$(stringify!($name),)* $($(stringify!($attribute),)*)?].len()];

                fn names(&self, _profiles: &Profiles) -> Self::Names {
                    $(
                        let profile = _profiles.get(self.profile);
                        // Names a variable of the group, so that the expander emits these lines for cubes with a
                        // profile only.
                        $(let _ = stringify!($attribute);)*
                    )?
                    [$(self.$name.name(),)* $($(profile.$attribute,)*)?]
                }

                fn when(&self) -> Option<When> {
                    when!($timed, self)
                }
            }

            #[doc = concat!("The sums of `", $label, "`, in the cube's order.")]
            #[derive(Clone, Copy, Default)]
            pub(super) struct $sums {
                $(pub(super) $sum: $number,)*
            }

            impl From<$sums> for [$number; [$(stringify!($sum)),*].len()] {
                fn from(sums: $sums) -> Self {
                    [$(sums.$sum),*]
                }
            }
        )*

        /// The sums of one (site, day, round) since the last drain, by cube.
        pub(super) struct CubeCells {
            $(pub(super) $field: Cells<$key, $number, { [$(stringify!($sum)),*].len() }>,)*
        }

        impl CubeCells {
            pub(super) fn new() -> CubeCells {
                CubeCells { $($field: Cells::new(),)* }
            }

            /// How many cells there are.
            pub(super) fn len(&self) -> usize {
                0 $(+ self.$field.len())*
            }

            pub(super) fn clear(&mut self) {
                $(self.$field.clear();)*
            }

            /// How many bytes they take.
            pub(super) fn bytes(&self) -> usize {
                0 $(+ self.$field.bytes())*
            }

            /// The rows of all sites, one block per cube.
            pub(super) fn blocks(day: Day, round: u32, sites: &BTreeMap<u32, Site>) -> Vec<Rows> {
                vec![$(block(day, round, sites, |site| &site.cells.$field),)*]
            }
        }
    };
}

live_cubes!(fold_cubes);
