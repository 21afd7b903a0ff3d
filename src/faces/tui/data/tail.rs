//! Which events are kept: the newest, and nothing goes while somebody looks up.

use crate::{contract::model::Event, domain::event::Severity};

/// Events kept for the tail, and of severity debug besides; while it is paused nothing is trimmed until `EVENTS_PAUSED`.
const EVENTS: usize = 500;
const DEBUG_EVENTS: usize = 200;
const EVENTS_PAUSED: usize = 20_000;

/// Who is looking up in events: nothing is taken away from under their eyes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Paused {
    /// Somebody looks up in the event pane.
    pub tail: bool,
    /// The event log of this deployment.
    pub log: Option<String>,
}

/// How many of them are debug events.
pub(super) fn debug_events<'e>(events: impl Iterator<Item = &'e Event>) -> usize {
    events.filter(|e| e.severity == Severity::Debug).count()
}

/// Which of so many events, so many of them debug, stay: asked
/// from the oldest on. Debug events are many, and must not drive out what a person looks for.
pub(super) fn newest(all: usize, debug: usize, paused: bool) -> impl FnMut(&Event) -> bool {
    let (mut quiet, mut loud) = if paused {
        (0, all.saturating_sub(EVENTS_PAUSED))
    } else {
        (debug.saturating_sub(DEBUG_EVENTS), (all - debug).saturating_sub(EVENTS))
    };
    move |e| {
        let left = if paused || e.severity != Severity::Debug { &mut loud } else { &mut quiet };
        let goes = *left > 0;
        *left = left.saturating_sub(1);
        !goes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{event::Via, time::Timestamp},
        faces::tui::data::{Data, Tab, TabData},
    };

    fn event(seq: u64, severity: Severity) -> Event {
        Event {
            seq,
            at: Timestamp::from_millis(0),
            severity,
            name: "X".into(),
            application: None,
            deployment: None,
            job_id: None,
            operation_id: None,
            actor: "nutkin".into(),
            via: Via::Auto,
            message: String::new(),
            details: serde_json::Value::Null,
        }
    }

    const FOLLOWING: Paused = Paused { tail: false, log: None };

    #[test]
    fn many_checkpoints_do_not_drive_out_what_happened() {
        let mut data = Data::default();
        data.put_events(vec![event(0, Severity::Info)], &FOLLOWING);
        for seq in 1..2_000 {
            data.put_events(vec![event(seq, Severity::Debug)], &FOLLOWING);
        }
        assert_eq!(data.events.len(), 1 + DEBUG_EVENTS);
        assert_eq!((data.events[0].seq, data.events.back().unwrap().seq), (0, 1_999));
        data.put_events((2_000..4_000).map(|s| event(s, Severity::Info)).collect(), &FOLLOWING);
        let loud = data.events.iter().filter(|e| e.severity == Severity::Info).count();
        assert_eq!(loud, EVENTS);
        assert!(data.events.iter().zip(data.events.iter().skip(1)).all(|(a, b)| a.seq < b.seq));
    }

    #[test]
    fn an_open_event_log_is_bounded_and_keeps_what_is_looked_at() {
        let of = |seq| Event { deployment: Some("pay/prod".into()), ..event(seq, Severity::Info) };
        let mut data = Data::default();
        let answer = Ok(TabData::Events(vec![of(0)]));
        data.tabs.entry("pay/prod".into()).or_default().answer(
            Tab::Events,
            answer,
            Timestamp::from_millis(0),
        );
        let known = |data: &Data| {
            let events = data.tabs["pay/prod"].events.value.as_ref().unwrap();
            (events[0].seq, events.len())
        };
        let paused = Paused { tail: false, log: Some("pay/prod".into()) };
        data.put_events((1..2_000).map(of).collect(), &paused);
        assert_eq!(known(&data), (0, 2_000), "nothing goes while somebody looks up");
        data.put_events(vec![of(2_000)], &FOLLOWING);
        assert_eq!(known(&data), (2_001 - EVENTS as u64, EVENTS));
        assert_eq!(data.tabs["pay/prod"].newest(Tab::Events), Some(EVENTS), "older ones are left out");
    }
}
