//! Reading the configuration again while the gateway runs.

use std::path::PathBuf;

use tickwire::config::Config;
use tickwire::gateway::Gateway;

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
        std::fs::read_to_string(self.path.as_ref()?).ok()
    }

    /// Has the gateway go over to what the file says; what keeps it from that is logged, and the
    /// gateway goes on as it was.
    pub(super) fn apply(&mut self, gateway: &mut Gateway) {
        let Some(path) = &self.path else { return };
        let shown = path.display();
        let config = Config::load(path);
        self.tried = self.text();
        self.seen.clone_from(&self.tried);
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
