//! Reading the configuration again while the gateway runs.

use std::fs::File;
use std::io::{self, Read as _};
#[cfg(unix)]
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use tickwire::config::{Config, ConfigError};
use tickwire::gateway::Gateway;
use tickwire::limits::CONFIG_BYTES_MAX;

/// The file that a gateway was started with.
pub(super) struct Source {
    path: Option<PathBuf>,
    /// Its text is looked at now and then.
    watched: bool,
    /// The text that was last tried.
    tried: Option<String>,
    /// What it was at the last look: one that is being written is left alone.
    seen: Option<String>,
}

impl Source {
    /// The gateway runs by what the file says now.
    pub(super) fn new(path: Option<PathBuf>, watched: bool) -> Self {
        let mut source = Self { path, watched, tried: None, seen: None };
        source.tried = source.text();
        source.seen.clone_from(&source.tried);
        source
    }

    /// Whether there is a file to read again.
    pub(super) const fn is_file(&self) -> bool {
        self.path.is_some()
    }

    /// Whether the file is watched, and says something new twice in a row.
    pub(super) fn has_changed(&mut self) -> bool {
        if !self.watched {
            return false;
        }
        let text = self.text();
        let is_settled = text == self.seen;
        self.seen = text;
        is_settled && self.seen.is_some() && self.seen != self.tried
    }

    fn text(&self) -> Option<String> {
        // A file that cannot be read just now is looked at again.
        text(self.path.as_ref()?).ok()
    }

    /// Has the gateway go over to what the file says; what keeps it from that is logged, and the
    /// gateway goes on as it was.
    pub(super) fn apply(&mut self, gateway: &mut Gateway) {
        let Some(path) = &self.path else { return };
        let shown = path.display();
        let read = text(path);
        self.tried = read.as_ref().ok().cloned();
        self.seen.clone_from(&self.tried);
        let config = read
            .map_err(|error| ConfigError::Unreadable { path: path.clone(), error })
            .and_then(|text| Config::parse(&text, Some(path), Config::environment()));
        match config.map(|config| gateway.reload(config)) {
            Ok(Ok(changes)) => tracing::info!(file = %shown, %changes, "configuration read again"),
            Ok(Err(error)) => tracing::error!(file = %shown, %error, "configuration refused"),
            Err(error) => {
                // A log has one line for it.
                let error = error.to_string().replace(":\n  ", ": ").replace("\n  ", "; ");
                tracing::error!(%error, "configuration refused");
            }
        }
    }
}

/// The text of a file, which the gateway's main thread reads: nothing else that may stand in its place
/// is waited for, as a pipe that nobody writes to would be.
fn text(path: &Path) -> io::Result<String> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    options.custom_flags(libc::O_NONBLOCK);
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut text = String::new();
    let length = file.take(CONFIG_BYTES_MAX + 1).read_to_string(&mut text)?;
    if length as u64 > CONFIG_BYTES_MAX {
        return Err(io::Error::other(format!("it has more than {CONFIG_BYTES_MAX} bytes")));
    }
    Ok(text)
}
