//! Faults on the wire, by route and count.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// When a fault strikes: before the request is processed, or after that and before the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Flink has not seen the request.
    Before,
    /// Flink has done it, the client does not know.
    After,
}

#[derive(Clone)]
pub(super) enum Verdict {
    Cut,
    Hang,
    Delay(Duration),
    Answer(u16, String),
    Call(Arc<dyn Fn() + Send + Sync>),
}

/// A fault on requests that match.
#[derive(Clone)]
pub struct Fault {
    method: String,
    path: Vec<String>,
    phase: Phase,
    skip: usize,
    times: usize,
    verdicts: Vec<Verdict>,
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} /{} {:?} ×{}", self.method, self.path.join("/"), self.phase, self.times)
    }
}

impl Fault {
    /// On `METHOD /path`, once; `*` stands for any method or one part of the path, `**` at the end for the rest.
    pub fn on(route: &str, phase: Phase) -> Self {
        let (method, path) = route.split_once(' ').expect("METHOD /path");
        let path = path.split('/').filter(|p| !p.is_empty()).map(Into::into).collect();
        Self { method: method.to_owned(), path, phase, skip: 0, times: 1, verdicts: vec![] }
    }
    /// The connection ends without an answer.
    pub fn cut(mut self) -> Self {
        self.verdicts.push(Verdict::Cut);
        self
    }
    /// Silence for ever.
    pub fn hang(mut self) -> Self {
        self.verdicts.push(Verdict::Hang);
        self
    }
    /// A pause.
    pub fn delay(mut self, for_: Duration) -> Self {
        self.verdicts.push(Verdict::Delay(for_));
        self
    }
    /// Another answer, for example a gateway's 502.
    pub fn answer(mut self, status: u16, body: &str) -> Self {
        self.verdicts.push(Verdict::Answer(status, body.to_owned()));
        self
    }
    /// Calls the test, for example to kill the client at this very moment; must not block.
    pub fn call(mut self, f: impl Fn() + Send + Sync + 'static) -> Self {
        self.verdicts.push(Verdict::Call(Arc::new(f)));
        self
    }
    /// As often as this.
    pub fn times(mut self, n: usize) -> Self {
        self.times = n;
        self
    }
    /// Not the first `n` matching requests.
    pub fn after(mut self, n: usize) -> Self {
        self.skip = n;
        self
    }

    fn matches(&self, method: &str, path: &str) -> bool {
        if self.method != "*" && self.method != method {
            return false;
        }
        let mut parts = path.split('/').filter(|p| !p.is_empty());
        for wanted in &self.path {
            match (wanted.as_str(), parts.next()) {
                ("**", _) => return true,
                ("*", Some(_)) => {}
                (w, Some(p)) if w == p => {}
                _ => return false,
            }
        }
        parts.next().is_none()
    }
}

/// The faults that wait.
#[derive(Debug, Default)]
pub(super) struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    pub(super) fn add(&self, fault: Fault) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }
    pub(super) fn clear(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).drain(..).count()
    }
    /// What the first matching fault does to this request; uses it up.
    pub(super) fn strike(&self, method: &str, path: &str, phase: Phase) -> Vec<Verdict> {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for i in 0..faults.len() {
            let fault = &mut faults[i];
            if fault.phase != phase || !fault.matches(method, path) {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            let verdicts = fault.verdicts.clone();
            fault.times -= 1;
            if fault.times == 0 {
                faults.remove(i);
            }
            return verdicts;
        }
        vec![]
    }
}
