//! A progress bar for long work on a terminal.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Work that is done sooner shows no bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// Counts bytes; shows a bar on standard error once it takes longer than a second. It vanishes when dropped.
pub(crate) struct Progress {
    started: Instant,
    bar: ProgressBar,
}

impl Progress {
    /// Over `length` bytes, if that is known.
    pub(crate) fn new(length: Option<u64>) -> Self {
        // It counts from the beginning, so that the speed it shows later is right.
        let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::hidden());
        let template = match length {
            Some(_) => "{bytes}/{total_bytes} [{bar:40}] {bytes_per_sec}, {eta} left",
            None => "{bytes} {bytes_per_sec}",
        };
        // The templates are constant and valid; the style of the crate would do as well.
        let style = ProgressStyle::with_template(template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("=> ");
        Self {
            started: Instant::now(),
            bar: bar.with_style(style),
        }
    }

    pub(crate) fn advance(&self, bytes: usize) {
        self.bar.inc(bytes as u64);
        if self.bar.is_hidden() && self.started.elapsed() > PATIENCE && io::stderr().is_terminal() {
            self.bar
                .set_draw_target(ProgressDrawTarget::stderr_with_hz(4));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
