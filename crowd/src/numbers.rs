//! Numbers that passed the rule, by measure. Only this crate makes them.

use schema::measures::Measure;

/// How a number may be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// This is the number.
    Exactly(i64),
    /// The number is this or more.
    AtLeast(i64),
    /// The number may not be published, or the view has no such number.
    Withheld,
}

impl Told {
    /// The number, where it is exact.
    pub fn exactly(self) -> Option<i64> {
        match self {
            Told::Exactly(n) => Some(n),
            Told::AtLeast(_) | Told::Withheld => None,
        }
    }
}

/// What is published of a cell, by measure. `Measure::Visitors` counts visitor tags; `Measure::Events` counts page
/// views and custom events, but of the name of an event the events of that name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbers(Box<[(Measure, Told)]>);

impl Numbers {
    pub(crate) fn new(numbers: impl IntoIterator<Item = (Measure, Told)>) -> Numbers {
        Numbers(numbers.into_iter().collect())
    }

    /// One of them; withheld if there is none of this measure.
    pub fn get(&self, measure: Measure) -> Told {
        self.0.iter().find(|(m, _)| *m == measure).map_or(Told::Withheld, |(_, told)| *told)
    }

    /// About how much memory they take besides their own place.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.0)
    }
}
