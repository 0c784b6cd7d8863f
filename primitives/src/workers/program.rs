//! What workers run: the program, its arguments, its environment and its streams.

use std::{
    env,
    ffi::OsString,
    fs::File,
    io,
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
};

/// Where a standard stream of the workers goes, or comes from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Stream {
    /// It is the supervisor's. Standard error is read by the supervisor on its way, which keeps the last lines.
    Inherit,
    /// It is empty, and takes everything. Of standard error the supervisor keeps the last lines.
    Null,
    /// It is this file.
    File(Arc<File>),
}

impl Stream {
    fn stdio(&self) -> io::Result<Stdio> {
        Ok(match self {
            Self::Inherit => Stdio::inherit(),
            Self::Null => Stdio::null(),
            Self::File(file) => file.try_clone()?.into(),
        })
    }
}

/// What workers run.
#[derive(Clone, Debug)]
pub(super) struct Program {
    /// `None`: this program.
    pub(super) path: Option<PathBuf>,
    pub(super) arguments: Option<Vec<OsString>>,
    pub(super) environment: Vec<(OsString, Option<OsString>)>,
    pub(super) directory: Option<PathBuf>,
    pub(super) stdin: Stream,
    pub(super) stdout: Stream,
    pub(super) stderr: Stream,
}

impl Default for Program {
    fn default() -> Self {
        Self {
            path: None,
            arguments: None,
            environment: Vec::new(),
            directory: None,
            stdin: Stream::Null,
            stdout: Stream::Inherit,
            stderr: Stream::Inherit,
        }
    }
}

impl Program {
    /// Returns the command that runs it, with all but what a pool adds.
    pub(super) fn command(&self) -> io::Result<Command> {
        let mut command = match &self.path {
            Some(path) => Command::new(path),
            None => Command::new(env::current_exe()?),
        };
        match &self.arguments {
            Some(arguments) => command.args(arguments),
            None if self.path.is_none() => command.args(env::args_os().skip(1)),
            None => &mut command,
        };
        for (key, value) in &self.environment {
            match value {
                Some(value) => command.env(key, value),
                None => command.env_remove(key),
            };
        }
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        command.stdin(self.stdin.stdio()?).stdout(self.stdout.stdio()?).stderr(self.stderr.stdio()?);
        Ok(command)
    }
}
