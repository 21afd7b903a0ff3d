//! `nutkin serve`: one process that owns a state directory.
//!
//! ```text
//!   paths, settings ─→ state directory ─→ lock ─→ log ─→ store ─→ manager ─→ socket ─→ ready
//!                                           │ held: another one serves                  │
//!                                           └─→ leave                SIGTERM, idle ─→ drain, close, leave
//! ```

use std::path::{Path, PathBuf};

use nutkin::{
    adapters::clock::SystemClock,
    adapters::sqlite::{
        lock::{self, Holder, Lock, LockError},
        state_dir::{self, StateDir},
    },
    config::{Paths, Settings, paths::Surroundings},
    contract::{
        API_LEVEL, MIN_CLIENT_LEVEL,
        problem::{Code, Problem},
    },
    domain::time::Clock as _,
    faces::cli::{Exit, Global, ServeArgs, context},
};
use rustix::fs::Mode;

use super::{logging, readiness::Readiness};

/// Version of this build, as `/healthz` shows it.
const BUILD: &str = env!("CARGO_PKG_VERSION");

/// What a manager starts from.
struct Ground {
    paths: Paths,
    settings: Settings,
    dir: StateDir,
    socket: PathBuf,
    lock: Lock,
}

/// Runs the manager until it is told to leave.
pub fn run(global: &Global, args: &ServeArgs) -> Exit {
    let readiness = if args.detached { Readiness::Pipe } else { Readiness::Person };
    if args.detached {
        detach();
    }
    // Whatever is made here is the user's own.
    rustix::process::umask(Mode::from_raw_mode(0o077));
    let ground = match prepare(global, args) {
        Ok(Some(ground)) => ground,
        Ok(None) => {
            let problem = Problem::new(Code::AlreadyExists, "another manager serves this state directory")
                .hint("`nutkin manager status` tells which");
            readiness.held(&problem);
            return if args.detached { Exit::OK } else { Exit(problem.code.exit_code()) };
        }
        Err(problem) => return failed(readiness, &problem),
    };
    let log = match logging::begin(&ground.paths.log_dir(), args.foreground) {
        Ok(log) => log,
        Err(problem) => return failed(readiness, &problem),
    };
    let Ok(runtime) = super::runtime(4) else { return Exit::FAILED };
    let served = runtime.block_on(serve(ground, readiness, args));
    drop(log);
    match served {
        Ok(()) => Exit::OK,
        Err(problem) => failed(readiness, &problem),
    }
}

fn failed(readiness: Readiness, problem: &Problem) -> Exit {
    tracing::error!(code = %problem.code, "{problem}");
    readiness.failed(problem);
    Exit(problem.code.exit_code())
}

/// Its own session: the end of the client's terminal is not its own end.
fn detach() {
    // Fails only for a process that leads its group already, which then has what it wants.
    rustix::process::setsid().ok();
    std::env::set_current_dir("/").ok();
}

/// Everything before the first thread: paths, settings, directory, lock. `None`: another manager holds the lock.
fn prepare(global: &Global, args: &ServeArgs) -> Result<Option<Ground>, Problem> {
    if let Some(address) = &args.listen {
        return Err(Problem::new(Code::NotSupported, format!("--listen {address}: TCP is not built yet"))
            .hint("forward the socket through ssh"));
    }
    let around = Surroundings::of_process();
    let paths = context::find_paths(global, &around).map_err(|e| context::path_problem(&e))?;
    let loaded = context::load_settings(&paths, &around).map_err(|e| context::settings_problem(&e))?;
    let dir = state_dir::prepare(&paths.state_dir).map_err(|e| store_problem(&e))?;
    let temporary = std::env::temp_dir();
    let socket = match &args.socket {
        Some(socket) => std::path::absolute(socket).unwrap_or_else(|_| socket.clone()),
        None => state_dir::socket_path(&dir.path, &temporary, rustix::process::geteuid().as_raw()),
    };
    if args.socket.is_none() {
        state_dir::prepare_socket(&dir, &socket).map_err(|e| store_problem(&e))?;
    }
    let levels = (API_LEVEL, MIN_CLIENT_LEVEL);
    let holder = Holder::this_process(socket.clone(), SystemClock.now_utc(), levels, BUILD);
    match lock::acquire(&dir.path, holder) {
        Ok(lock) => Ok(Some(Ground { paths, settings: loaded.settings, dir, socket, lock })),
        Err(LockError::Held(_)) => Ok(None),
        Err(LockError::Open(e)) => Err(store_problem(&e)),
    }
}

fn store_problem(e: &nutkin::adapters::sqlite::OpenError) -> Problem {
    Problem::new(Code::StoreFailed, e.to_string())
}

async fn serve(ground: Ground, readiness: Readiness, args: &ServeArgs) -> Result<(), Problem> {
    let Ground { settings, dir, socket, lock, .. } = ground;
    tracing::info!(build = BUILD, state = %dir.path.display(), read_only = settings.read_only, "starting");
    let _ = (readiness, args, &socket as &Path);
    drop(lock);
    Err(Problem::new(Code::NotSupported, "the manager is not built in yet"))
}
