//! What colours stand for: a theme gives each role its look, and a target may have one as its colour.

use crate::words;

words!(closed
    /// What a piece of the screen means.
    Role {
        /// Plain text.
        Text = "text",
        /// Labels and what matters less.
        Muted = "muted",
        /// Frames of panes without focus.
        Border = "border",
        /// Frame and title of the pane with focus.
        Focus = "focus",
        /// Names, titles, the active tab.
        Accent = "accent",
        /// The selected row of the pane with focus.
        Selection = "selection",
        /// The selected row of another pane.
        SelectionIdle = "selection-idle",
        /// As wanted.
        Ok = "ok",
        /// On its way.
        Busy = "busy",
        /// Worth a look.
        Warn = "warn",
        /// Failed, or a person is needed.
        Error = "error",
        /// No evidence.
        Unknown = "unknown",
        /// Not running because nobody wants it to.
        Idle = "idle",
        /// A key that can be pressed.
        Key = "key",
        /// A count that waits for a person.
        Badge = "badge",
        /// A field that can be typed into.
        Field = "field",
        /// The button that Enter presses.
        Button = "button",
    }
);
