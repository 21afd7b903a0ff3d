-- Version 2. Events that are older than the settings keep them may go, and nothing else: first the moment from which on the log
-- is complete is written down, and only what is older can be deleted. The last event stays, so that numbers never begin anew.

DROP TRIGGER event_no_delete;
CREATE TRIGGER event_no_delete BEFORE DELETE ON event
    WHEN OLD.at >= coalesce((SELECT CAST(value AS INTEGER) FROM fact WHERE name = 'events-complete-since'), OLD.at)
        OR OLD.seq = (SELECT max(seq) FROM event)
    BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;
