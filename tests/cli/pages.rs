//! Help, completions and the manual.

use crate::tool::sysv;

const COMMANDS: [&str; 10] = ["list", "show", "top", "why", "dead", "clean", "remove", "limits", "doctor", "bench"];

/// Every command is in the help, in the manual, and in the completions, and hidden ones are not.
#[test]
fn all_commands_are_there() {
    let pages = [
        sysv(&["--help"]),
        sysv(&["man"]),
        sysv(&["completions", "bash"]),
        sysv(&["completions", "zsh"]),
        sysv(&["completions", "fish"]),
    ];
    for page in pages {
        let page = page.ended(0);
        for command in COMMANDS {
            assert!(page.out.contains(command), "no {command} in {}", page.out);
        }
    }
    let help = sysv(&["--help"]).out;
    assert!(!help.contains("bench-side") && !help.contains("try-calls"), "{help}");
    assert!(help.contains("Exit codes"));
    for command in COMMANDS {
        sysv(&["man", command]).ended(0).says(&format!("sysv\\-{command}"));
        sysv(&[command, "--help"]).ended(0);
    }
    sysv(&["man", "no-such"]).ended(2);
    sysv(&["--version"]).ended(0).says(env!("CARGO_PKG_VERSION"));
}
