//! Format version 1 as it was written first: `fixtures/v1` must open forever.
