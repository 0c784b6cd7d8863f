//! The scripts that the server runs, each in one step.

/// One of the scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Script {
    Open,
    Send,
    Take,
    End,
    Extend,
    Leave,
    Buried,
    Depth,
    Inspect,
    Aside,
    Close,
    Remove,
    Withdraw,
}

/// How many there are.
pub(super) const SCRIPTS: usize = 13;

const COMMON: &str = include_str!("scripts/common.lua");

impl Script {
    /// Returns its text.
    pub(super) fn text(self) -> String {
        let own = match self {
            Self::Open => include_str!("scripts/open.lua"),
            Self::Send => include_str!("scripts/send.lua"),
            Self::Take => include_str!("scripts/take.lua"),
            Self::End => include_str!("scripts/end.lua"),
            Self::Extend => include_str!("scripts/extend.lua"),
            Self::Leave => include_str!("scripts/leave.lua"),
            Self::Buried => include_str!("scripts/buried.lua"),
            Self::Depth => include_str!("scripts/depth.lua"),
            Self::Inspect => include_str!("scripts/inspect.lua"),
            Self::Aside => include_str!("scripts/aside.lua"),
            Self::Close => include_str!("scripts/close.lua"),
            Self::Remove => include_str!("scripts/remove.lua"),
            Self::Withdraw => include_str!("scripts/withdraw.lua"),
        };
        // A replica runs a script that says so.
        let flags = if self == Self::Inspect { "#!lua flags=no-writes\n" } else { "" };
        // Only one of them goes on if there is no channel.
        format!("{flags}local CREATES = {}\n{COMMON}\n{own}", self == Self::Open)
    }
}
