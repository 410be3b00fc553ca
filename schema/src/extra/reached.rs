//! `Reached` of `../../footfall.proto`: the numbers of the goals and funnel steps that one event reaches.

use crate::goals::{FunnelStep, GOALS_MAX, REACHED_STEPS_MAX, STEPS_MAX};
use crate::wire::WireError;
use crate::wire::protobuf::{Fields, nested, varint, varints};

const GOALS: u32 = 1;
const STEPS: u32 = 2;
/// A step is one number: the funnel's times this, plus the step's.
const FUNNEL: u64 = 16;

/// Appends the field, or nothing if nothing is reached.
pub(super) fn write(
    field: u32,
    goals: impl IntoIterator<Item = u16>,
    steps: impl IntoIterator<Item = FunnelStep>,
    out: &mut Vec<u8>,
) {
    let before = out.len();
    let mut is_empty = true;
    nested(field, out, |out| {
        let start = out.len();
        packed(GOALS, goals.into_iter().map(u64::from), out);
        packed(STEPS, steps.into_iter().map(code), out);
        is_empty = out.len() == start;
    });
    if is_empty {
        out.truncate(before);
    }
}

/// Appends a packed field, or nothing if there are no numbers.
fn packed(field: u32, numbers: impl Iterator<Item = u64>, out: &mut Vec<u8>) {
    let mut numbers = numbers.peekable();
    if numbers.peek().is_some() {
        nested(field, out, |out| numbers.for_each(|number| varint(number, out)));
    }
}

/// Checks that every number is one, and that there are not more than an event can have.
pub(super) fn check(bytes: &[u8]) -> Result<(), WireError> {
    let (mut goals, mut steps) = (0, 0);
    for field in Fields(bytes) {
        let (key, value) = field?;
        match key {
            GOALS => {
                for number in varints(value.bytes(key)?) {
                    number_of(number?).ok_or(WireError::Field(key))?;
                    goals += 1;
                }
            }
            STEPS => {
                for number in varints(value.bytes(key)?) {
                    step_of(number?).ok_or(WireError::Field(key))?;
                    steps += 1;
                }
            }
            _ => {}
        }
    }
    if goals > GOALS_MAX {
        return Err(WireError::Field(GOALS));
    }
    if steps > REACHED_STEPS_MAX {
        return Err(WireError::Field(STEPS));
    }
    Ok(())
}

pub(super) fn goals(bytes: &[u8]) -> impl Iterator<Item = u16> {
    numbers(bytes, GOALS).filter_map(number_of)
}

pub(super) fn steps(bytes: &[u8]) -> impl Iterator<Item = FunnelStep> {
    numbers(bytes, STEPS).filter_map(step_of)
}

fn numbers(bytes: &[u8], key: u32) -> impl Iterator<Item = u64> {
    let columns = Fields(bytes).filter_map(Result::ok).filter(move |(found, _)| *found == key);
    columns.filter_map(move |(_, value)| value.bytes(key).ok()).flat_map(varints).filter_map(Result::ok)
}

fn number_of(number: u64) -> Option<u16> {
    u16::try_from(number).ok().filter(|number| *number > 0)
}

fn code(step: FunnelStep) -> u64 {
    u64::from(step.funnel) * FUNNEL + u64::from(step.step)
}

fn step_of(code: u64) -> Option<FunnelStep> {
    let (funnel, step) = (number_of(code / FUNNEL)?, code % FUNNEL);
    (1..=STEPS_MAX as u64).contains(&step).then_some(FunnelStep { funnel, step: step as u8 })
}
