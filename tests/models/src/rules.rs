//! The clauses of a protocol, each named once.
//!
//! [`rules!`](crate::rules!) makes a model's `Rules` from the list of its clauses.
//! [`counterexamples!`](crate::counterexamples!) makes a test for each clause, which takes this clause out and expects
//! that an invariant breaks. One more test fails if a clause has no such test and no reason for its absence.
//!
//! ```
//! sysv_models::rules! {
//!     /// The flag is set before the last try.
//!     announce_before_try,
//!     /// The kernel posts the doorbell when a process dies.
//!     obituary_posts,
//! }
//!
//! assert_eq!(format!("{:?}", Rules::ALL), "ALL");
//! assert_eq!(format!("{:?}", Rules::without("obituary_posts")), "ALL - obituary_posts");
//!
//! for (clause, rules) in Rules::without_each() {
//!     assert_eq!(rules.missing().collect::<Vec<_>>(), [clause]);
//! }
//!
//! /// Stands for an exploration of a model with these rules: returns whether this invariant breaks.
//! fn breaks(rules: Rules, deaths: u8, invariant: &str) -> bool {
//!     invariant == "no lost wake-up" && (!rules.announce_before_try || deaths > 0)
//! }
//!
//! sysv_models::counterexamples! {
//!     Rules, not needed: [];
//!     /// An item is committed between the last try and the flag, and the producer does not post.
//!     announce_before_try: breaks(0, "no lost wake-up");
//!     /// The owner dies after the waiter saw it alive.
//!     obituary_posts: breaks(1, "no lost wake-up");
//! }
//! ```

/// Makes the struct `Rules` from the names and the docs of a protocol's clauses.
///
/// Each clause becomes a public field, which is true if the clause is in force. See the [module](self) for an example.
#[macro_export]
macro_rules! rules {
    ($($(#[$doc:meta])+ $clause:ident,)+) => {
        /// The clauses of the protocol. Each is true if it is in force, and by default all are.
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub struct Rules {
            $($(#[$doc])+ pub $clause: bool,)+
        }

        impl Rules {
            /// The complete protocol.
            pub const ALL: Self = Self { $($clause: true,)+ };

            const CLAUSES: &'static [&'static str] = &[$(stringify!($clause),)+];

            /// Returns all rules but this one.
            ///
            /// # Panics
            ///
            /// If there is no clause of this name.
            pub fn without(clause: &str) -> Self {
                let mut rules = Self::ALL;
                match clause {
                    $(stringify!($clause) => rules.$clause = false,)+
                    _ => panic!("there is no clause {clause:?}"),
                }
                rules
            }

            /// Returns the name of each clause, with all rules but this one.
            pub fn without_each() -> impl Iterator<Item = (&'static str, Self)> {
                Self::CLAUSES.iter().map(|clause| (*clause, Self::without(clause)))
            }

            /// Returns the names of the clauses that are not in force.
            pub fn missing(&self) -> impl Iterator<Item = &'static str> {
                let in_force = [$(self.$clause,)+];
                Self::CLAUSES.iter().zip(in_force).filter(|(_, in_force)| !in_force).map(|(clause, _)| *clause)
            }
        }

        impl Default for Rules {
            fn default() -> Self {
                Self::ALL
            }
        }

        /// Shows the clauses that are missing, and not those that are in force.
        impl std::fmt::Debug for Rules {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("ALL")?;
                self.missing().try_for_each(|clause| write!(out, " - {clause}"))
            }
        }
    };
}

/// Makes a test for each clause that is needed, and one that finds clauses without a test.
///
/// The test of a clause calls a function with the rules without this clause and with the given arguments. It fails
/// unless the function returns true. Clauses that are not needed are listed by name, each with the reason.
///
/// See the [module](self) for an example.
#[macro_export]
macro_rules! counterexamples {
    (
        $Rules:ident, not needed: $not_needed:expr;
        $($(#[$doc:meta])* $clause:ident: $breaks:ident($($argument:expr),* $(,)?);)+
    ) => {
        $(
            #[test]
            $(#[$doc])*
            fn $clause() {
                assert!($breaks($Rules { $clause: false, ..$Rules::ALL }, $($argument),*));
            }
        )+

        #[test]
        fn every_clause_is_broken_or_not_needed() {
            let broken = [$(stringify!($clause),)+];
            let objections = $crate::rules::objections($Rules::without_each(), &broken, &$not_needed);
            assert!(objections.is_empty(), "{objections:#?}");
        }
    };
}

/// Returns what is wrong with a list of counterexamples: each clause has either one of them or a reason for its
/// absence.
pub fn objections<Rules>(
    without_each: impl Iterator<Item = (&'static str, Rules)>,
    broken: &[&str],
    not_needed: &[(&str, &str)],
) -> Vec<String> {
    let clauses: Vec<_> = without_each.map(|(clause, _)| clause).collect();
    let excused = |clause: &str| not_needed.iter().any(|(name, _)| *name == clause);
    let mut objections = Vec::new();
    for clause in &clauses {
        match (broken.contains(clause), excused(clause)) {
            (false, false) => objections.push(format!("{clause} has neither a counterexample nor a reason")),
            (true, true) => objections.push(format!("{clause} has a counterexample, and a reason for having none")),
            _ => {}
        }
    }
    let named = broken.iter().chain(not_needed.iter().map(|(name, _)| name));
    let unknown = named.filter(|name| !clauses.contains(name));
    objections.extend(unknown.map(|name| format!("{name} is no clause")));
    let unexplained = not_needed.iter().filter(|(_, reason)| reason.is_empty());
    objections.extend(unexplained.map(|(name, _)| format!("{name} is not needed, but nothing says why")));
    objections
}
