//! Cells of rows, in both directions: every error names the table, the row and the column.

use std::str::FromStr;

use rusqlite::{Connection, Params, Row, ToSql, types::FromSql};
use serde::{Serialize, de::DeserializeOwned};

use super::error::of_row;
use crate::{
    domain::{names::UnknownWord, time::Timestamp},
    manager::ports::store::{StoreError, StoreResult},
};

/// A column's name and the value to write into it.
pub(super) type Cell<'a> = (&'static str, &'a dyn ToSql);

/// Writes one row; the first `keys` cells are its key. A row with that key is replaced in place.
pub(super) fn upsert(
    conn: &Connection,
    table: &'static str,
    keys: usize,
    cells: &[Cell<'_>],
    row: impl FnOnce() -> String,
) -> StoreResult<()> {
    let names: Vec<&str> = cells.iter().map(|c| c.0).collect();
    let (key, rest) = names.split_at(keys.min(names.len()));
    let set: Vec<String> = rest.iter().map(|c| format!("{c} = excluded.{c}")).collect();
    let sql = format!(
        "{} ON CONFLICT ({}) DO UPDATE SET {}",
        insert_sql(table, &names),
        key.join(", "),
        set.join(", ")
    );
    write(conn, &sql, cells, row)
}

/// Adds one row; a row with its key is a conflict.
pub(super) fn insert(
    conn: &Connection,
    table: &'static str,
    cells: &[Cell<'_>],
    row: impl FnOnce() -> String,
) -> StoreResult<()> {
    let names: Vec<&str> = cells.iter().map(|c| c.0).collect();
    write(conn, &insert_sql(table, &names), cells, row)
}

fn insert_sql(table: &str, names: &[&str]) -> String {
    let marks: Vec<String> = (1..=names.len()).map(|n| format!("?{n}")).collect();
    format!("INSERT INTO {table} ({}) VALUES ({})", names.join(", "), marks.join(", "))
}

fn write(conn: &Connection, sql: &str, cells: &[Cell<'_>], row: impl FnOnce() -> String) -> StoreResult<()> {
    let values: Vec<&dyn ToSql> = cells.iter().map(|c| c.1).collect();
    let written = conn.prepare_cached(sql).and_then(|mut s| s.execute(values.as_slice()));
    written.map(|_| ()).map_err(|e| of_row(e, row))
}

/// Runs a query and reads each row. No cursor is left open.
pub(super) fn all<T>(
    conn: &Connection,
    table: &'static str,
    sql: &str,
    params: impl Params,
    read: impl Fn(&Cells<'_>) -> StoreResult<T>,
) -> StoreResult<Vec<T>> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        out.push(read(&Cells { row, table })?);
    }
    Ok(out)
}

/// The first row of a query, if there is one.
pub(super) fn first<T>(
    conn: &Connection,
    table: &'static str,
    sql: &str,
    params: impl Params,
    read: impl Fn(&Cells<'_>) -> StoreResult<T>,
) -> StoreResult<Option<T>> {
    Ok(all(conn, table, sql, params, read)?.into_iter().next())
}

/// A document as it is stored.
pub(super) fn json<T: Serialize + ?Sized>(document: &T) -> StoreResult<String> {
    serde_json::to_string(document)
        .map_err(|e| StoreError::Failed(format!("a document cannot be written: {e}")))
}

/// An optional document as it is stored.
pub(super) fn opt_json<T: Serialize>(document: Option<&T>) -> StoreResult<Option<String>> {
    document.map(json).transpose()
}

/// Milliseconds of an optional time.
pub(super) fn millis(t: Option<Timestamp>) -> Option<i64> {
    t.map(Timestamp::millis)
}

/// One row of a result.
pub(super) struct Cells<'a> {
    row: &'a Row<'a>,
    table: &'static str,
}

impl Cells<'_> {
    /// The error of a cell that cannot be read.
    pub(super) fn unreadable(&self, column: &str, why: impl std::fmt::Display) -> StoreError {
        // The first column of every table is its key, or the first part of it.
        let id = match self.row.get_ref(0) {
            Ok(rusqlite::types::ValueRef::Text(t)) => String::from_utf8_lossy(t).into_owned(),
            Ok(rusqlite::types::ValueRef::Integer(n)) => n.to_string(),
            _ => "?".to_owned(),
        };
        StoreError::Failed(format!("{} {id}: column {column} cannot be read: {why}", self.table))
    }

    /// A plain value.
    pub(super) fn get<T: FromSql>(&self, column: &str) -> StoreResult<T> {
        self.row.get(column).map_err(|e| self.unreadable(column, e))
    }

    /// An id.
    pub(super) fn id<T: From<String>>(&self, column: &str) -> StoreResult<T> {
        self.get::<String>(column).map(T::from)
    }

    /// An id, if there is one.
    pub(super) fn opt_id<T: From<String>>(&self, column: &str) -> StoreResult<Option<T>> {
        Ok(self.get::<Option<String>>(column)?.map(T::from))
    }

    /// Text with a form: a word of a closed table, a Flink id.
    pub(super) fn parsed<T>(&self, column: &str) -> StoreResult<T>
    where
        T: FromStr,
        T::Err: std::fmt::Display,
    {
        self.get::<String>(column)?.parse().map_err(|e| self.unreadable(column, e))
    }

    /// Text with a form, if there is any.
    pub(super) fn opt_parsed<T>(&self, column: &str) -> StoreResult<Option<T>>
    where
        T: FromStr,
        T::Err: std::fmt::Display,
    {
        let text: Option<String> = self.get(column)?;
        text.map(|t| t.parse().map_err(|e| self.unreadable(column, e))).transpose()
    }

    /// A word of a closed table.
    pub(super) fn word<T: FromStr<Err = UnknownWord>>(&self, column: &str) -> StoreResult<T> {
        self.parsed(column)
    }

    /// A document.
    pub(super) fn json<T: DeserializeOwned>(&self, column: &str) -> StoreResult<T> {
        serde_json::from_str(&self.get::<String>(column)?).map_err(|e| self.unreadable(column, e))
    }

    /// A document, if there is one.
    pub(super) fn opt_json<T: DeserializeOwned>(&self, column: &str) -> StoreResult<Option<T>> {
        let text: Option<String> = self.get(column)?;
        text.map(|t| serde_json::from_str(&t).map_err(|e| self.unreadable(column, e))).transpose()
    }

    /// A time.
    pub(super) fn time(&self, column: &str) -> StoreResult<Timestamp> {
        self.get(column).map(Timestamp::from_millis)
    }

    /// A time, if it is known.
    pub(super) fn opt_time(&self, column: &str) -> StoreResult<Option<Timestamp>> {
        Ok(self.get::<Option<i64>>(column)?.map(Timestamp::from_millis))
    }

    /// An unsigned number, stored with the same bits.
    pub(super) fn bits(&self, column: &str) -> StoreResult<u64> {
        self.get::<i64>(column).map(i64::cast_unsigned)
    }

    /// An unsigned number, if it is known.
    pub(super) fn opt_bits(&self, column: &str) -> StoreResult<Option<u64>> {
        Ok(self.get::<Option<i64>>(column)?.map(i64::cast_unsigned))
    }
}
