//! The append-only event log: small rows, read backwards along one index.
//!
//! Names, ids and actors repeat, so they are kept once in `word` and events hold numbers. A query reads its events
//! first and then each distinct word once.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter, types::Value};

use super::{cells::json, error::of_row};
use crate::{
    domain::{
        event::{Event, EventName, NewEvent, Severity, Via},
        time::Timestamp,
    },
    manager::ports::store::{EventQuery, StoreError, StoreResult},
};

/// Words that the writer has seen, so that most events need no look-up. Forgotten whenever a write is undone.
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    ids: HashMap<String, i64>,
    hour: Option<i64>,
}

/// Keeps the dictionary's memory small.
const MAX_WORDS: usize = 20_000;

impl Dictionary {
    fn number(&mut self, conn: &Connection, word: &str) -> StoreResult<i64> {
        if let Some(id) = self.ids.get(word) {
            return Ok(*id);
        }
        let known = find_word(conn, word)?;
        let id = match known {
            Some(id) => id,
            None => {
                conn.prepare_cached("INSERT INTO word (text) VALUES (?1)")?.execute([word])?;
                conn.last_insert_rowid()
            }
        };
        if self.ids.len() >= MAX_WORDS {
            self.ids.clear();
        }
        self.ids.insert(word.to_owned(), id);
        Ok(id)
    }

    fn opt_number(&mut self, conn: &Connection, word: Option<&str>) -> StoreResult<Option<i64>> {
        word.map(|w| self.number(conn, w)).transpose()
    }

    /// Remembers the first event of an hour that was not seen before.
    fn note_hour(&mut self, conn: &Connection, at: Timestamp, seq: u64) -> StoreResult<()> {
        let hour = hour_of(at);
        if self.hour != Some(hour) {
            conn.prepare_cached("INSERT OR IGNORE INTO event_hour (hour, first_seq) VALUES (?1, ?2)")?
                .execute(params![hour, seq.cast_signed()])?;
            self.hour = Some(hour);
        }
        Ok(())
    }
}

fn hour_of(at: Timestamp) -> i64 {
    at.millis().div_euclid(3_600_000)
}

fn find_word(conn: &Connection, word: &str) -> StoreResult<Option<i64>> {
    let mut s = conn.prepare_cached("SELECT id FROM word WHERE text = ?1")?;
    Ok(s.query_row([word], |r| r.get(0)).optional()?)
}

/// The number of the last event; 0 = there is none.
pub(super) fn last_seq(conn: &Connection) -> StoreResult<u64> {
    let mut s = conn.prepare_cached("SELECT coalesce(max(seq), 0) FROM event")?;
    Ok(s.query_row([], |r| r.get::<_, i64>(0))?.cast_unsigned())
}

/// Loudness as a number that can be compared.
const fn loudness(severity: Severity) -> i64 {
    match severity {
        Severity::Debug => 0,
        Severity::Info => 1,
        Severity::Warn => 2,
        Severity::Error => 3,
    }
}

/// Appends an event under the number `seq`.
pub(super) fn append(conn: &Connection, words: &mut Dictionary, seq: u64, e: &NewEvent) -> StoreResult<()> {
    words.note_hour(conn, e.at, seq)?;
    let details = if e.details.is_null() { None } else { Some(json(&e.details)?) };
    let values = params![
        seq.cast_signed(),
        e.at.millis(),
        loudness(e.severity),
        words.number(conn, e.name.as_str())?,
        words.opt_number(conn, e.application.as_deref())?,
        words.opt_number(conn, e.deployment.as_ref().map(|i| i.as_str()))?,
        words.opt_number(conn, e.deployment_name.as_deref())?,
        words.opt_number(conn, e.job.as_ref().map(|i| i.as_str()))?,
        words.opt_number(conn, e.operation.as_ref().map(|i| i.as_str()))?,
        words.number(conn, &e.actor)?,
        words.number(conn, e.via.as_str())?,
        e.message,
        details,
    ];
    let sql = "INSERT INTO event (seq, at, severity, name, application, deployment, deployment_name, job, operation,
               actor, via, message, details) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
    let written = conn.prepare_cached(sql).and_then(|mut s| s.execute(values));
    written.map(|_| ()).map_err(|e| of_row(e, || format!("event {seq}")))
}

/// An event whose words are still numbers.
struct Coded {
    seq: u64,
    at: i64,
    severity: i64,
    name: i64,
    application: Option<i64>,
    deployment: Option<i64>,
    deployment_name: Option<i64>,
    job: Option<i64>,
    operation: Option<i64>,
    actor: i64,
    via: i64,
    message: String,
    details: Option<String>,
}

impl Coded {
    fn read(r: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: r.get::<_, i64>(0)?.cast_unsigned(),
            at: r.get(1)?,
            severity: r.get(2)?,
            name: r.get(3)?,
            application: r.get(4)?,
            deployment: r.get(5)?,
            deployment_name: r.get(6)?,
            job: r.get(7)?,
            operation: r.get(8)?,
            actor: r.get(9)?,
            via: r.get(10)?,
            message: r.get(11)?,
            details: r.get(12)?,
        })
    }
}

/// The columns in the order of [`Coded`]. No `*`: reading by position is twice as fast, and this is the hot query.
const COLUMNS: &str = "seq, at, severity, name, application, deployment, deployment_name, job, operation, actor, via, \
                       message, details";

/// Builds the SQL of a query, or `None` when a word of it was never seen, so that nothing can match.
fn sql(conn: &Connection, q: &EventQuery) -> StoreResult<Option<(String, Vec<Value>)>> {
    let (mut conditions, mut values) = (vec!["1".to_owned()], Vec::<Value>::new());
    let words = [
        ("deployment", q.deployment.as_ref().map(|i| i.as_str())),
        ("application", q.application.as_deref()),
        ("operation", q.operation.as_ref().map(|i| i.as_str())),
    ];
    for (column, word) in words.into_iter().filter_map(|(c, w)| w.map(|w| (c, w))) {
        let Some(id) = find_word(conn, word)? else { return Ok(None) };
        conditions.push(format!("{column} = ?"));
        values.push(id.into());
    }
    if let Some(s) = q.severity.filter(|s| *s != Severity::Debug) {
        // A literal, because only then the partial index over loud events can be used.
        conditions.push(format!("severity >= {}", loudness(s)));
    }
    if let Some(since) = q.since {
        let first = first_since(conn, since)?;
        conditions.push("seq >= ? AND at >= ?".to_owned());
        values.extend([first.cast_signed().into(), since.millis().into()]);
    }
    for (bound, op) in [(q.after, '>'), (q.before, '<')] {
        let Some(seq) = bound else { continue };
        conditions.push(format!("seq {op} ?"));
        values.push(i64::try_from(seq).unwrap_or(i64::MAX).into());
    }
    values.push(i64::from(q.limit).into());
    let order = if q.after.is_some() { "ASC" } else { "DESC" };
    let sql = format!(
        "SELECT {COLUMNS} FROM event WHERE {} ORDER BY seq {order} LIMIT ?",
        conditions.join(" AND ")
    );
    Ok(Some((sql, values)))
}

/// No event before this number is as young as `since`.
fn first_since(conn: &Connection, since: Timestamp) -> StoreResult<u64> {
    let mut s = conn.prepare_cached("SELECT min(first_seq) FROM event_hour WHERE hour >= ?1")?;
    let first: Option<i64> = s.query_row([hour_of(since)], |r| r.get(0))?;
    Ok(first.map_or(u64::MAX >> 1, i64::cast_unsigned))
}

/// So many events go with one commit.
const FORGOTTEN_AT_ONCE: i64 = 5_000;

/// Deletes the oldest events that are older than `before`, and keeps the moment from which on the log is complete. The last
/// event stays.
pub(super) fn forget(conn: &Connection, before: Timestamp) -> StoreResult<()> {
    let since = "INSERT INTO fact (name, value) VALUES ('events-complete-since', ?1)
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value
                 WHERE CAST(fact.value AS INTEGER) < CAST(excluded.value AS INTEGER)";
    conn.prepare_cached(since)?.execute([before.millis().to_string()])?;
    // Everything that old is before the first event of the next hour.
    let next_hour = "SELECT min(first_seq) FROM event_hour WHERE hour > ?1";
    let bound: Option<i64> = conn.prepare_cached(next_hour)?.query_row([hour_of(before)], |r| r.get(0))?;
    let last = last_seq(conn)?.cast_signed();
    let bound = bound.map_or(last, |b| b.min(last));
    let old = "DELETE FROM event WHERE seq IN
               (SELECT seq FROM event WHERE seq < ?1 AND at < ?2 ORDER BY seq LIMIT ?3)";
    conn.prepare_cached(old)?.execute(params![bound, before.millis(), FORGOTTEN_AT_ONCE])?;
    let hours = "DELETE FROM event_hour WHERE hour < ?1 AND first_seq < (SELECT min(seq) FROM event)";
    conn.prepare_cached(hours)?.execute([hour_of(before)])?;
    Ok(())
}

/// Reads events: oldest first behind `after`, else newest first.
pub(super) fn query(conn: &Connection, q: &EventQuery) -> StoreResult<Vec<Event>> {
    let Some((sql, values)) = sql(conn, q)? else { return Ok(Vec::new()) };
    let mut statement = conn.prepare_cached(&sql)?;
    let coded: Vec<Coded> =
        statement.query_map(params_from_iter(values), Coded::read)?.collect::<rusqlite::Result<_>>()?;
    let mut words = HashMap::new();
    coded.into_iter().map(|c| decode(conn, &mut words, c)).collect()
}

fn decode(conn: &Connection, words: &mut HashMap<i64, String>, c: Coded) -> StoreResult<Event> {
    let bad = |why: String| StoreError::Failed(format!("event {} cannot be read: {why}", c.seq));
    let mut word = |id: i64| -> StoreResult<String> {
        if let Some(w) = words.get(&id) {
            return Ok(w.clone());
        }
        let mut s = conn.prepare_cached("SELECT text FROM word WHERE id = ?1")?;
        let text: Option<String> = s.query_row([id], |r| r.get(0)).optional()?;
        let text = text.ok_or_else(|| bad(format!("word {id} is missing")))?;
        words.insert(id, text.clone());
        Ok(text)
    };
    let mut opt = |id: Option<i64>| id.map(&mut word).transpose();
    let (application, deployment_name) = (opt(c.application)?, opt(c.deployment_name)?);
    let (deployment, job, operation) = (opt(c.deployment)?, opt(c.job)?, opt(c.operation)?);
    let severity = Severity::ALL.iter().find(|s| loudness(**s) == c.severity).copied();
    let details =
        c.details.as_deref().map(serde_json::from_str).transpose().map_err(|e| bad(e.to_string()))?;
    let event = NewEvent {
        at: Timestamp::from_millis(c.at),
        severity: severity.ok_or_else(|| bad(format!("unknown severity {}", c.severity)))?,
        name: EventName::from_word(&word(c.name)?),
        application,
        deployment: deployment.map(Into::into),
        deployment_name,
        job: job.map(Into::into),
        operation: operation.map(Into::into),
        actor: word(c.actor)?,
        via: word(c.via)?.parse::<Via>().map_err(|e| bad(e.to_string()))?,
        message: c.message,
        details: details.unwrap_or_default(),
    };
    Ok(Event { seq: c.seq, event })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(conn: &Connection, q: &EventQuery) -> String {
        for word in ["d", "a", "o"] {
            conn.execute("INSERT OR IGNORE INTO word (text) VALUES (?1)", [word]).unwrap();
        }
        let (sql, values) = sql(conn, q).unwrap().unwrap();
        let mut s = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let lines = s.query_map(params_from_iter(values), |r| r.get::<_, String>(3)).unwrap();
        lines.collect::<rusqlite::Result<Vec<_>>>().unwrap().join("; ")
    }

    #[test]
    fn every_common_question_walks_one_index_and_sorts_nothing() {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(include_str!("migrations/0001.sql")).unwrap();
        let base = EventQuery { limit: 200, ..EventQuery::default() };
        let cases = [
            (EventQuery { deployment: Some("d".into()), ..base.clone() }, "event_of_deployment"),
            (
                EventQuery { deployment: Some("d".into()), before: Some(9), ..base.clone() },
                "event_of_deployment",
            ),
            (EventQuery { application: Some("a".into()), ..base.clone() }, "event_of_application"),
            (EventQuery { operation: Some("o".into()), ..base.clone() }, "event_of_operation"),
            (EventQuery { after: Some(3), ..base.clone() }, "PRIMARY KEY"),
            (EventQuery { since: Some(Timestamp::from_millis(5)), ..base }, "PRIMARY KEY"),
        ];
        for (q, index) in cases {
            let plan = plan(&conn, &q);
            assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{q:?}: {plan}");
        }
    }
}
