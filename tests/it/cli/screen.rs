//! nutkin on a terminal.

use std::{path::Path, time::Duration};

use super::{api::Api, program::NUTKIN};

/// A terminal with nutkin in it.
pub(super) struct Screen {
    pub(super) parser: vt100::Parser,
    pub(super) output: std::sync::mpsc::Receiver<Vec<u8>>,
    pub(super) keys: Box<dyn std::io::Write + Send>,
    pub(super) child: Box<dyn portable_pty::Child + Send + Sync>,
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Screen {
    pub(super) fn open(api: &Api, args: &[&str]) -> Self {
        let server = format!("unix:{}", api.path("api.sock").display());
        Self::of(api.home.path(), &[&["--server", &server], args].concat())
    }

    pub(super) fn of(home: &Path, args: &[&str]) -> Self {
        use portable_pty::{CommandBuilder, PtySize, native_pty_system};
        let size = PtySize { rows: 40, cols: 120, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(NUTKIN);
        command.env_clear();
        command.args(args);
        command.env("HOME", home);
        command.env("TERM", "xterm");
        command.cwd("/");
        let child = pair.slave.spawn_command(command).unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let keys = pair.master.take_writer().unwrap();
        let (send, output) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let _master = pair.master;
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = std::io::Read::read(&mut reader, &mut buffer) {
                if send.send(buffer[..n].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self {
            parser: vt100::Parser::new(40.try_into().unwrap(), 120.try_into().unwrap(), 1000),
            output,
            keys,
            child,
        }
    }

    pub(super) fn until(&mut self, text: &str) {
        let mut tries = 0;
        while !self.parser.screen().contents().contains(text) {
            match self.output.recv_timeout(Duration::from_millis(100)) {
                Ok(bytes) => self.parser.process(&bytes),
                Err(_) => tries += 1,
            }
            assert!(tries < 600, "{text:?} never came:\n{}", self.parser.screen().contents());
        }
    }

    pub(super) fn types(&mut self, keys: &str) {
        std::io::Write::write_all(&mut self.keys, keys.as_bytes()).unwrap();
    }
}
