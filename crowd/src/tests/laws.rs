//! Laws that hold for any rows.

use schema::cubes::Cube;
use schema::dimensions::Dimension as D;
use schema::measures::Measure as M;
use schema::views::VIEWS;

use super::days::{Random, published, small};
use super::truth::view;
use super::world::World;
use crate::{Cubes, K, Published, Told, is_judged};

#[test]
fn a_crowd_under_three_cannot_be_made() {
    for k in 0..3 {
        assert!(K::new(k).unwrap_err().to_string().contains("at least 3"), "{k}");
    }
    assert_eq!(K::new(3).unwrap().get(), 3);
}

#[test]
fn the_order_of_rows_does_not_matter() {
    for seed in 0..200 {
        let world = World::of(&small(seed));
        let mut shuffled = world.clone();
        let random = &mut Random::new(!seed);
        for at in (1..shuffled.visits.len()).rev() {
            shuffled.visits.swap(at, random.below(at as u64 + 1) as usize);
        }
        // Firsts follow the order of the fold: keep each visitor's own.
        shuffled.visits.sort_by_key(|v| v.tag.reverse_bits());
        for visitor in shuffled.visits.chunk_by_mut(|a, b| a.tag == b.tag) {
            visitor.sort_by_key(|v| v.first().t);
        }
        assert_eq!(published(&world, 3), published(&shuffled, 3), "seed {seed}");
    }
}

#[test]
fn increments_of_one_cell_are_one_row_and_rows_that_cancel_are_none() {
    let row = |cubes: &mut Cubes, page: &str, views: i64, visitors: i64| {
        let names = [page, "Google", "Search", "FR", "desktop", "b", "o", "l"];
        cubes.table_mut(Cube::Pages).add(0, &names, &[views, visitors, visitors, 0, 0, 0, 0, 0]);
    };
    let mut cubes = Cubes::default();
    for page in ["/", "/a", "/", "/a"] {
        row(&mut cubes, page, 3, 3);
    }
    row(&mut cubes, "/gone", 1, 1);
    row(&mut cubes, "/gone", -1, -1);
    assert_eq!(cubes.len(Cube::Pages), 3);
    let published = Published::of(cubes, K::new(5).unwrap());
    let pages = view(&published, D::Page);
    assert_eq!(pages.other, None, "nobody is left on /gone");
    assert_eq!(pages.cells.iter().map(|c| c.numbers.get(M::Pageviews)).collect::<Vec<_>>(), [Told::Exactly(6); 2]);
}

#[test]
fn cubes_of_half_a_batch_are_not_whole() {
    let world = World::of(&small(1));
    assert!(world.cubes().is_whole());
    let mut half = world.cubes();
    half.take(Cube::Pages);
    assert!(!half.is_whole());
}

#[test]
fn nothing_published_of_no_rows_is_zero() {
    let published = Published::of(Cubes::default(), K::new(3).unwrap());
    assert_eq!(published.totals().get(M::Events), Told::Exactly(0));
    assert!(published.hours().is_empty());
    for view in VIEWS.iter().filter(|view| is_judged(view)) {
        let published = published.view(view).unwrap();
        assert!(published.cells().is_empty() && published.other().is_none(), "{view}");
    }
}

#[test]
#[should_panic(expected = "columns of Pages")]
fn a_row_of_another_width_is_refused() {
    Cubes::default().table_mut(Cube::Pages).add(0, &["/"], &[1]);
}
