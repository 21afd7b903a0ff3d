//! One list for all lists: selection by identity, filter, windowing.

/// A list's state. The rows themselves live elsewhere; the list knows only their identities, in the order shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListView<Id> {
    items: Vec<Id>,
    selected: usize,
    offset: usize,
    hidden: usize,
    filter: String,
}

impl<Id> Default for ListView<Id> {
    fn default() -> Self {
        Self { items: Vec::new(), selected: 0, offset: 0, hidden: 0, filter: String::new() }
    }
}

/// A move of the selection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// Rows up (negative) or down.
    By(isize),
    /// To the first row.
    First,
    /// To the last row.
    Last,
}

impl<Id: Clone + PartialEq> ListView<Id> {
    /// Takes the rows that exist now; the selection stays on its row, or where it was when the row is gone. A row's words
    /// are asked for only where a filter looks at them.
    pub fn sync<T>(
        &mut self,
        rows: impl IntoIterator<Item = T>,
        id: impl Fn(&T) -> Id,
        words: impl Fn(&T) -> String,
    ) {
        let chosen = self.selected().cloned();
        let filter = Filter::parse(&self.filter);
        let (mut items, mut all) = (Vec::with_capacity(self.items.len()), 0);
        for row in rows {
            all += 1;
            if filter.is_empty() || filter.passes(&words(&row)) {
                items.push(id(&row));
            }
        }
        self.hidden = all - items.len();
        self.items = items;
        // Mostly the row is where it was.
        let stays = chosen.as_ref().is_some_and(|c| self.items.get(self.selected) == Some(c));
        if !stays {
            let found = chosen.and_then(|c| self.items.iter().position(|i| *i == c));
            self.selected = found.unwrap_or(self.selected).min(self.items.len().saturating_sub(1));
        }
    }

    /// The selected row.
    #[must_use]
    pub fn selected(&self) -> Option<&Id> {
        self.items.get(self.selected)
    }

    /// Selects a row by identity, when it is there.
    pub fn select(&mut self, id: &Id) {
        if let Some(i) = self.items.iter().position(|x| x == id) {
            self.selected = i;
        }
    }

    /// Moves the selection; true when it moved.
    pub fn go(&mut self, to: Move) -> bool {
        let last = self.items.len().saturating_sub(1);
        let next = match to {
            Move::By(n) => self.selected.saturating_add_signed(n).min(last),
            Move::First => 0,
            Move::Last => last,
        };
        let moved = next != self.selected;
        self.selected = next;
        moved
    }

    /// Scrolls so that the selection is inside a window of `height` rows.
    pub fn reveal(&mut self, height: usize) {
        let height = height.max(1);
        let lowest = (self.selected + 1).saturating_sub(height);
        let most = self.items.len().saturating_sub(height);
        self.offset = self.offset.clamp(lowest, self.selected).min(most);
    }

    /// The rows of a window, each with whether it is selected. The selection is always among them: one list may be shown
    /// in two panes of different height.
    pub fn window(&self, height: usize) -> impl Iterator<Item = (&Id, bool)> {
        let shown = self.items.iter().enumerate().skip(self.start(height)).take(height);
        shown.map(|(i, id)| (id, i == self.selected))
    }

    /// The first row of a window.
    fn start(&self, height: usize) -> usize {
        let lowest = (self.selected + 1).saturating_sub(height);
        self.offset.clamp(lowest, self.selected.max(lowest))
    }

    /// Rows below a window.
    #[must_use]
    pub fn below(&self, height: usize) -> usize {
        self.items.len().saturating_sub(self.start(height).saturating_add(height))
    }

    /// Number of rows shown.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }
    /// No rows are shown.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
    /// The selection is on the last row, or there is none.
    #[must_use]
    pub fn at_end(&self) -> bool {
        self.selected + 1 >= self.items.len()
    }
    /// Position of the selection, from 0.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.selected
    }
    /// Rows that the filter hides.
    #[must_use]
    pub const fn hidden(&self) -> usize {
        self.hidden
    }
    /// The filter's words.
    #[must_use]
    pub fn filter(&self) -> &str {
        &self.filter
    }
    /// Sets the filter's words; takes effect with the next `sync`.
    pub fn set_filter(&mut self, words: impl Into<String>) {
        self.filter = words.into();
    }
}

/// What keys do to a list, whatever its rows are.
pub trait AnyList {
    /// Moves the selection.
    fn go(&mut self, to: Move);
    /// The filter's words.
    fn filter(&self) -> &str;
    /// Sets the filter's words.
    fn set_filter(&mut self, words: &str);
    /// Rows that the filter hides.
    fn hidden(&self) -> usize;
}

impl<Id: Clone + PartialEq> AnyList for ListView<Id> {
    fn go(&mut self, to: Move) {
        Self::go(self, to);
    }
    fn filter(&self) -> &str {
        &self.filter
    }
    fn set_filter(&mut self, words: &str) {
        words.clone_into(&mut self.filter);
    }
    fn hidden(&self) -> usize {
        self.hidden
    }
}

/// Words that a row must have, or (`!word`) must not have.
#[derive(Debug, Default)]
struct Filter {
    with: Vec<String>,
    without: Vec<String>,
}

impl Filter {
    fn parse(words: &str) -> Self {
        let mut f = Self::default();
        for w in words.to_lowercase().split_whitespace() {
            match w.strip_prefix('!') {
                Some("") => {}
                Some(w) => f.without.push(w.to_owned()),
                None => f.with.push(w.to_owned()),
            }
        }
        f
    }

    fn is_empty(&self) -> bool {
        self.with.is_empty() && self.without.is_empty()
    }

    fn passes(&self, haystack: &str) -> bool {
        let h = haystack.to_lowercase();
        self.with.iter().all(|w| h.contains(w)) && !self.without.iter().any(|w| h.contains(w))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(l: &mut ListView<String>, names: &[&str]) {
        l.sync(names, |n| (**n).to_owned(), |n| (**n).to_owned());
    }

    #[test]
    fn the_selection_follows_its_row() {
        let mut l = ListView::default();
        take(&mut l, &["a", "b", "c"]);
        l.go(Move::By(1));
        take(&mut l, &["x", "a", "b", "c"]);
        assert_eq!(l.selected().unwrap(), "b");
        take(&mut l, &["x", "a", "c"]);
        assert_eq!(l.selected().unwrap(), "c", "its row is gone: the one in its place");
        take(&mut l, &[]);
        assert_eq!(l.selected(), None);
        take(&mut l, &["z"]);
        assert_eq!(l.selected().unwrap(), "z");
    }

    #[test]
    fn the_window_keeps_the_selection_in_sight() {
        let names: Vec<String> = (0..20).map(|i| i.to_string()).collect();
        let mut l = ListView::default();
        l.sync(&names, |n| (*n).clone(), |n| (*n).clone());
        l.go(Move::By(7));
        l.reveal(5);
        assert_eq!(l.window(5).map(|(i, _)| i.as_str()).collect::<Vec<_>>(), ["3", "4", "5", "6", "7"]);
        l.go(Move::By(-2));
        l.reveal(5);
        assert_eq!(l.window(5).next().unwrap().0, "3", "no scroll while it is in sight");
        l.go(Move::Last);
        l.reveal(30);
        assert_eq!(l.window(30).count(), 20, "a window larger than the list begins at its start");
    }

    #[test]
    fn filters_have_and_not() {
        let mut l = ListView::default();
        l.set_filter("Pay !stag");
        take(&mut l, &["payments production", "payments staging", "fraud"]);
        assert_eq!((l.len(), l.hidden()), (1, 2));
        l.set_filter("!");
        take(&mut l, &["a", "b"]);
        assert_eq!(l.len(), 2, "a filter that is being typed hides nothing");
    }
}
