//! Values that are asked for, each with its age: on their way, old, or refused.

use crate::{contract::problem::Problem, domain::time::Timestamp};

/// A value that is asked for: it may be on its way, old, or refused.
#[derive(Debug, Clone)]
pub struct Load<T> {
    /// The newest value that arrived.
    pub value: Option<T>,
    /// When it arrived.
    pub at: Option<Timestamp>,
    /// It may have changed since: it stays in sight, and is to be asked for again.
    pub old: bool,
    /// It was asked for and has not arrived.
    pub loading: bool,
    /// Why the last question brought nothing.
    pub problem: Option<Box<Problem>>,
    /// When it brought nothing.
    failed_at: Option<Timestamp>,
}

impl<T> Default for Load<T> {
    fn default() -> Self {
        Self { value: None, at: None, old: false, loading: false, problem: None, failed_at: None }
    }
}

impl<T> Load<T> {
    /// The answer.
    pub fn answer(&mut self, result: Result<T, Box<Problem>>, now: Timestamp) {
        match result {
            Ok(v) => *self = Self { value: Some(v), at: Some(now), ..Self::default() },
            Err(p) => self.failed(p, now),
        }
    }
}

/// What is asked, whatever the answer is made of.
pub trait Question {
    /// It is to be asked for: never known or not any more, and the last question did not fail a moment ago.
    fn is_wanted(&self, now: Timestamp) -> bool;
    /// It is being asked for.
    fn ask(&mut self);
    /// It comes into sight again: what is older than `FRESH_SECONDS` or failed is asked for at once. An open question may
    /// have been given up for another one meanwhile.
    fn look_again(&mut self, now: Timestamp);
    /// What is known may have missed changes: it stays in sight, and is asked for again.
    fn forget(&mut self);
    /// It brought nothing.
    fn failed(&mut self, problem: Box<Problem>, now: Timestamp);
    /// When the answer arrived that is known.
    fn at(&self) -> Option<Timestamp>;
    /// Why it brought nothing last.
    fn problem(&self) -> Option<&Problem>;
}

impl<T> Question for Load<T> {
    fn is_wanted(&self, now: Timestamp) -> bool {
        let rests = self.failed_at.is_some_and(|t| now.seconds_since(t) < RETRY_SECONDS);
        (self.at.is_none() || self.old) && !self.loading && !rests
    }
    fn ask(&mut self) {
        self.loading = true;
    }
    fn look_again(&mut self, now: Timestamp) {
        (self.loading, self.failed_at) = (false, None);
        self.old |= self.at.is_some_and(|t| now.seconds_since(t) >= FRESH_SECONDS);
    }
    fn forget(&mut self) {
        (self.old, self.loading, self.problem, self.failed_at) = (true, false, None, None);
    }
    fn failed(&mut self, problem: Box<Problem>, now: Timestamp) {
        self.loading = false;
        (self.problem, self.failed_at, self.old) = (Some(problem), Some(now), true);
    }
    fn at(&self) -> Option<Timestamp> {
        self.at
    }
    fn problem(&self) -> Option<&Problem> {
        self.problem.as_deref()
    }
}

/// What was loaded so many seconds ago is asked for again when it comes into sight.
const FRESH_SECONDS: u64 = 3;
/// Seconds from a question that failed to the next one.
const RETRY_SECONDS: u64 = 5;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::problem::Code;

    #[test]
    fn a_question_that_failed_is_asked_again_after_a_while_and_at_once_when_looked_at() {
        let at = |s: i64| Timestamp::from_millis(s * 1000);
        let failure = || Box::new(Problem::new(Code::TimedOut, "no answer"));
        let mut load = Load::default();
        assert!(load.is_wanted(at(0)));
        load.ask();
        assert!(!load.is_wanted(at(0)), "it is on its way");
        load.answer(Ok(1), at(0));
        assert!(!load.is_wanted(at(100)), "it is here");
        load.answer(Err(failure()), at(100));
        assert_eq!((load.value, load.at), (Some(1), Some(at(0))), "the old value stays, with its age");
        assert!(!load.is_wanted(at(104)));
        assert!(load.is_wanted(at(105)));
        load.look_again(at(101));
        assert!(load.is_wanted(at(101)));
        load.ask();
        load.answer(Ok(2), at(106));
        assert!(load.problem.is_none() && !load.is_wanted(at(200)));
        load.look_again(at(108));
        assert!(!load.is_wanted(at(108)), "fresh enough");
        load.look_again(at(109));
        assert!(load.is_wanted(at(109)));
    }
}
