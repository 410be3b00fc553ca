//! The table of views: everything that may be published, one entry each.
//!
//! Everything else follows from it: `crowd` loops over it, the warehouse reads the cubes that it names, and the stats
//! API derives from it which questions it answers, and what the sentences for other questions recommend. To add a view
//! is one line here.
//!
//! A [`Part`] is some rows and columns of one cube: everything counted in a part is done by all of its people, so one
//! crowd judges it. A view sums a part by one dimension, or by a pair. Values of a view lie side by side within their
//! class, the value of the parent; so views with a parent are trees of two levels. A pair's values are those of its two
//! single views.
//!
//! Not here: pairs with the browser or the system and page x language (three lists together give single visitors away),
//! pairs with an entry or exit page, page x channel (the sum of its sources), and time, whose tree is quarter > hour.
//! `views/model.tsv` is the table of the model that attacked the rule; a test compares the two.

mod table;

use std::fmt;

use crate::cubes::Cube;
use crate::dimensions::Dimension;
use crate::measures::Measure;

pub use table::VIEWS;

/// Rows and columns of one cube that count the same people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// Visits.
    Visits,
    /// Page views.
    Pages,
    /// Visits by the page that they ended on.
    Exits,
    /// Reports of time and scrolling on a page.
    Engaged,
    /// Events with a name, each once: rows without a property.
    Events,
    /// Properties of such events.
    Properties,
    /// Goals that visits reached.
    Goals,
    /// Steps of funnels.
    Steps,
    /// Visits by campaign.
    Campaigns,
    /// Goals that visits by a campaign reached.
    Won,
    /// Orders, each under the campaign of its visit.
    Orders,
    /// Lines of orders.
    Items,
    /// Loads of beacons. They have no tag.
    Opens,
    /// Refused hits. They have no tag.
    Fates,
}

impl Part {
    /// The cube it is a part of.
    pub fn cube(self) -> Cube {
        match self {
            Part::Visits => Cube::Visits,
            Part::Pages | Part::Exits | Part::Engaged => Cube::Pages,
            Part::Events | Part::Properties | Part::Goals | Part::Steps => Cube::Events,
            Part::Campaigns | Part::Won | Part::Orders | Part::Opens => Cube::Campaigns,
            Part::Items => Cube::Items,
            Part::Fates => Cube::Fates,
        }
    }

    /// Whether the rule does not apply, because its rows have no tags.
    pub fn is_exempt(self) -> bool {
        matches!(self, Part::Opens | Part::Fates)
    }
}

/// What is known from elsewhere about sums over a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// The sum of each class: what is hidden is published together, as "(other)".
    Total,
    /// Nothing: each value stands by itself, and there is no "(other)".
    Alone,
    /// Of a pair: the sums of each value of `a` and of each value of `b`.
    RowsAndColumns,
    /// Of a pair: the sums of each value of `a`.
    Rows,
}

/// In what the values of a view lie side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parent {
    /// The values of another view of the same part: a source in its channel.
    View(&'static str),
    /// The first directory of a page's path.
    Section,
    /// The family of a browser: its name without a version.
    Family,
}

/// Which view decides whether a value may appear under its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// The view itself.
    Itself,
    /// Another view; values that it hides or never saw are in "(other)".
    Of(&'static str),
    /// Another view, then the view itself among the names that are left.
    OfThenItself(&'static str),
    /// Of a pair: for each of its dimensions the view that decides about its names ([`View::deciding`]).
    OfDimensions,
    /// Of a pair: the view that decides about `a`, then the pair itself about `b`.
    OfAThenItself,
}

/// Sums of firsts that are published as visitors: each counts a tag once within one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum First {
    /// There is a column for it.
    Column(Measure),
    /// No live table has it yet; until then the view is not judged.
    Missing,
}

/// One view.
#[derive(Debug, PartialEq, Eq)]
pub struct View {
    /// Its name, unique in the table.
    pub name: &'static str,
    /// What it counts.
    pub part: Part,
    /// By what.
    pub a: Dimension,
    /// By what else, for a pair.
    pub b: Option<Dimension>,
    /// The sums that it publishes, besides visitors.
    pub measures: &'static [Measure],
    /// What it publishes as visitors, and so whose firsts are its crowd; none: there is only a lower bound.
    pub visitors: Option<First>,
    /// What is known from elsewhere.
    pub known: Known,
    /// Its classes; none: all its values lie side by side.
    pub parent: Option<Parent>,
    /// Who decides about names.
    pub names: Names,
    /// Whether it is money, of which no one may have paid most.
    pub is_money: bool,
}

impl View {
    /// The view of this name.
    pub fn named(name: &str) -> Option<&'static View> {
        VIEWS.iter().find(|view| view.name == name)
    }

    /// The view that decides which values of a dimension may appear under their names, in all cubes.
    pub fn deciding(dimension: Dimension) -> Option<&'static View> {
        let page = |d| if matches!(d, Dimension::EntryPage | Dimension::LandingPage) { Dimension::Page } else { d };
        VIEWS.iter().find(|view| view.b.is_none() && view.names == Names::Itself && view.a == page(dimension))
    }

    /// The single views and pairs of a part.
    pub fn of_part(part: Part) -> impl Iterator<Item = &'static View> {
        VIEWS.iter().filter(move |view| view.part == part)
    }

    /// The cube that it is read from.
    pub fn cube(&self) -> Cube {
        self.part.cube()
    }

    /// Its parent, where that is a view.
    pub fn parent_view(&self) -> Option<&'static View> {
        match self.parent? {
            Parent::View(name) => View::named(name),
            Parent::Section | Parent::Family => None,
        }
    }

    /// The columns that it needs and its cube does not have yet. A view that lacks any cannot be judged or published.
    pub fn missing_columns(&self) -> Vec<&'static str> {
        let (cube, mut missing) = (self.cube(), vec![]);
        let classes = std::iter::successors(self.parent_view(), |view| view.parent_view()).map(|view| view.a);
        for dimension in [self.a].into_iter().chain(self.b).chain(classes) {
            if !cube.has_dimension(dimension) && !missing.contains(&dimension.label()) {
                missing.push(dimension.label());
            }
        }
        missing.extend(self.measures.iter().filter(|m| !cube.has_measure(**m)).map(|m| m.label()));
        match self.visitors {
            Some(First::Missing) => missing.push("first"),
            Some(First::Column(m)) if !cube.has_measure(m) => missing.push(m.label()),
            Some(First::Column(_)) | None => {}
        }
        if self.is_money {
            missing.push("squares");
        }
        missing
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

#[cfg(test)]
mod tests;
