//! Plots as SVG, with ticks where something was measured and names beside the data.
//!
//! Whiskers mean the same in every plot: from the least to the greatest of all rounds. Each plot is drawn twice for a
//! page, once for a wide window and once for a phone, and once for a file of its own. Colours are CSS variables, so one
//! picture serves light and dark pages.
#![allow(dead_code, unreachable_pub, unused_imports, reason = "each program that draws uses its own part")]

mod axis;
mod curves;
mod dots;
mod labels;
mod panels;
mod svg;

pub use self::{
    axis::Axis,
    curves::{Curve, Curves, Point, stacked},
    dots::{Dots, Group, Row},
    panels::{Panel, Panels},
    svg::{STYLE, Size, escape},
};

/// What a curve or a row is, as its colour and its stroke show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// This project's: blue, and bold.
    Ours,
    /// An alternative: a colour for each, and a full line.
    Rival,
    /// What ours is made of, or what does less: a dashed line.
    Bound,
}

/// The look of one curve or row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    pub role: Role,
    /// Its number among those of its role.
    pub number: usize,
}

impl Look {
    /// How many colours there are for alternatives, and for bounds.
    const COLORS: usize = 8;
    const OUR_COLORS: usize = 3;

    /// Gives a look to each in turn.
    pub fn all(roles: impl Iterator<Item = Role>) -> Vec<Self> {
        let mut counts = [0_usize; 2];
        let look = |role| {
            let count = &mut counts[usize::from(role == Role::Ours)];
            *count += 1;
            Self { role, number: *count - 1 }
        };
        roles.map(look).collect()
    }

    /// The CSS class of its colour.
    pub fn class(self) -> String {
        match self.role {
            Role::Ours => format!("o{}", self.number % Self::OUR_COLORS + 1),
            Role::Rival => format!("r{}", self.number % Self::COLORS + 1),
            Role::Bound => format!("r{} d", self.number % Self::COLORS + 1),
        }
    }
}
