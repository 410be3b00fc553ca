//! The class of a screen by its width in CSS pixels. There are only four classes, because an exact width helps to
//! identify people.

use schema::event::UNKNOWN;

/// The class of a width.
pub(super) fn class(width_px: Option<u32>) -> &'static str {
    match width_px {
        None | Some(0) => UNKNOWN,
        Some(..576) => "under 576 px",
        Some(..992) => "576 to 991 px",
        Some(..1440) => "992 to 1439 px",
        Some(1440..) => "1440 px and over",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_width_has_one_class() {
        for (px, want) in [
            (None, UNKNOWN),
            (Some(0), UNKNOWN),
            (Some(360), "under 576 px"),
            (Some(575), "under 576 px"),
            (Some(576), "576 to 991 px"),
            (Some(1439), "992 to 1439 px"),
            (Some(u32::MAX), "1440 px and over"),
        ] {
            assert_eq!(class(px), want);
        }
    }
}
