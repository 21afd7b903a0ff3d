//! The state directory, its lock and its database against bad surroundings: rights, links, damage, versions.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::Path,
    sync::Arc,
};

use nutkin::{
    adapters::{
        clock::SystemClock,
        sqlite::{
            self, DATABASE, OpenError, SqliteStore,
            lock::{self, Holder, LockError},
            state_dir,
        },
    },
    client,
    domain::time::Timestamp,
    manager::ports::store::{Changes, Epoch, Store, StoreError},
};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

async fn open(dir: &Path) -> Result<(Arc<SqliteStore>, sqlite::Opened), OpenError> {
    sqlite::open(dir, Arc::new(SystemClock)).await
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

#[tokio::test]
async fn a_new_state_directory_is_closed_to_others_whatever_the_umask() {
    let tmp = tempfile::tempdir().unwrap();
    let dir = tmp.path().join("a/b");
    let (store, opened) = open(&dir).await.unwrap();
    assert_eq!(opened, sqlite::Opened::default());
    assert_eq!((mode(&dir), mode(&tmp.path().join("a"))), (0o700, 0o700));
    let facts = Changes { facts: vec![("k".into(), "v".into())], ..Changes::default() };
    store.commit(facts, Epoch(1)).await.unwrap();
    for file in [DATABASE, "nutkin.db-wal", "nutkin.db-shm"] {
        assert_eq!(mode(&dir.join(file)), 0o600, "{file}");
    }
    assert_eq!(mode(&store.artifact_inbox().unwrap()), 0o600);
    assert_eq!((mode(&dir.join("inbox")), mode(&dir.join("artifacts"))), (0o700, 0o700));
}

#[tokio::test]
async fn open_doors_are_closed_where_that_is_ours_to_do() {
    let tmp = tempfile::tempdir().unwrap();
    let ours = tmp.path().join("ours");
    open(&ours).await.unwrap().0.close().await.unwrap();
    for path in [ours.clone(), ours.join(DATABASE)] {
        fs::set_permissions(&path, Permissions::from_mode(0o777)).unwrap();
    }
    open(&ours).await.unwrap();
    assert_eq!((mode(&ours), mode(&ours.join(DATABASE))), (0o700, 0o700));

    // A directory with somebody's files in it is not ours to change.
    let shared = tmp.path().join("shared");
    fs::create_dir(&shared).unwrap();
    fs::write(shared.join("thesis.txt"), "x").unwrap();
    fs::set_permissions(&shared, Permissions::from_mode(0o755)).unwrap();
    let refused = open(&shared).await.unwrap_err();
    assert!(matches!(refused, OpenError::Exposed { .. }), "{refused}");
    assert_eq!((mode(&shared), fs::read_dir(&shared).unwrap().count()), (0o755, 1));
}

#[tokio::test]
async fn links_and_other_things_are_refused() {
    let tmp = tempfile::tempdir().unwrap();
    let real = tmp.path().join("real");
    open(&real).await.unwrap().0.close().await.unwrap();

    let link = tmp.path().join("link");
    symlink(&real, &link).unwrap();
    assert!(matches!(open(&link).await, Err(OpenError::Symlink(_))));
    let slashed = format!("{}/", link.display());
    assert!(matches!(open(Path::new(&slashed)).await, Err(OpenError::Symlink(_))), "a slash hides no link");

    let file = tmp.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(open(&file).await, Err(OpenError::WrongKind { .. })));

    let elsewhere = tmp.path().join("elsewhere.db");
    fs::rename(real.join(DATABASE), &elsewhere).unwrap();
    symlink(&elsewhere, real.join(DATABASE)).unwrap();
    assert!(matches!(open(&real).await, Err(OpenError::Symlink(_))));

    // A link further up is the administrator's affair.
    let up = tmp.path().join("up");
    symlink(tmp.path(), &up).unwrap();
    open(&up.join("below")).await.unwrap();
}

#[tokio::test]
async fn another_programs_database_is_left_alone() {
    let tmp = tempfile::tempdir().unwrap();
    fs::set_permissions(tmp.path(), Permissions::from_mode(0o700)).unwrap();
    let path = tmp.path().join(DATABASE);
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    let before = fs::read(&path).unwrap();
    assert!(matches!(open(tmp.path()).await, Err(OpenError::NotOurs(_))));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_newer_schema_is_read_and_never_written() {
    let tmp = tempfile::tempdir().unwrap();
    let (store, _) = open(tmp.path()).await.unwrap();
    store
        .commit(Changes { facts: vec![("k".into(), "v".into())], ..Changes::default() }, Epoch(1))
        .await
        .unwrap();
    store.close().await.unwrap();
    let raw = rusqlite::Connection::open(tmp.path().join(DATABASE)).unwrap();
    raw.execute_batch("PRAGMA user_version = 99").unwrap();

    let (store, opened) = open(tmp.path()).await.unwrap();
    assert!(opened.read_only.as_ref().unwrap().contains("newer nutkin (schema 99"), "{opened:?}");
    let l = store.load().await.unwrap();
    assert_eq!((l.facts.get("k").map(String::as_str), l.epoch), (Some("v"), Epoch(1)));
    let refused = store.commit(Changes::default(), l.epoch).await;
    assert!(matches!(&refused, Err(StoreError::ReadOnly(why)) if why.contains("newer")), "{refused:?}");
    assert!(matches!(store.artifact_inbox(), Err(StoreError::ReadOnly(_))));
    store.close().await.unwrap();

    // Unless the newer build said that we cannot read it.
    raw.execute_batch("UPDATE meta SET min_reader = 99").unwrap();
    assert!(matches!(open(tmp.path()).await, Err(OpenError::TooNew { found: 99, .. })));
}

/// Damage that a file system or a person does, and what must be said.
#[tokio::test]
async fn damage_is_found_at_open_and_the_file_is_kept() {
    type Damage = fn(&Path, &mut Vec<u8>);
    let damages: [(&str, Damage); 4] = [
        ("zeroed header", |_, b| b[..100].fill(0)),
        ("cut to nothing", |_, b| b.clear()),
        ("cut in the middle", |_, b| b.truncate(b.len() / 2)),
        ("overwritten pages", |_, b| b[4096..].fill(0xA5)),
    ];
    for (what, damage) in damages {
        let tmp = tempfile::tempdir().unwrap();
        let (store, _) = open(tmp.path()).await.unwrap();
        let received = store.artifact_inbox().unwrap();
        store.keep_artifact(&received, &"cd".repeat(32).into()).await.unwrap();
        store.close().await.unwrap();
        let path = tmp.path().join(DATABASE);
        // As if the machine had died: the flag says unclean.
        rusqlite::Connection::open(&path).unwrap().execute_batch("UPDATE meta SET clean = 0").unwrap();
        drop(store);
        let mut bytes = fs::read(&path).unwrap();
        damage(tmp.path(), &mut bytes);
        fs::write(&path, &bytes).unwrap();
        let refused = open(tmp.path()).await.unwrap_err();
        assert!(matches!(refused, OpenError::Damaged { .. }), "{what}: {refused}");
        assert!(refused.to_string().contains("backups"), "{what}: {refused}");
        assert_eq!(fs::read(&path).unwrap(), bytes, "{what}: the file was changed");
    }
}

#[test]
fn one_manager_holds_the_lock_and_is_named() {
    let tmp = tempfile::tempdir().unwrap();
    let dir = state_dir::prepare(&tmp.path().join("s")).unwrap();
    let us = Holder::this_process(dir.path.join("manager.sock"), NOW, (1, 1), "test");
    assert!(us.lives());
    assert!(!client::lock::is_held(&dir.path).unwrap());

    let held = lock::acquire(&dir.path, us.clone()).unwrap();
    assert!(client::lock::is_held(&dir.path).unwrap());
    assert_eq!(client::lock::read(&dir.path), Some(us.clone()));
    assert_eq!(mode(&dir.path.join(lock::FILE)), 0o600);
    let second = lock::acquire(&dir.path, us.clone()).unwrap_err();
    assert!(matches!(&second, LockError::Held(Some(h)) if *h == us), "{second}");
    assert!(second.to_string().contains(&format!("process {}", us.pid)), "{second}");

    // A leftover file means nothing, and a process id that is used again is not the holder.
    drop(held);
    assert!(!client::lock::is_held(&dir.path).unwrap());
    let recycled = Holder { start_time: us.start_time + 1, ..us.clone() };
    assert!(!recycled.lives());
    let other_boot = Holder { boot_id: "another".into(), ..us.clone() };
    assert!(!other_boot.lives());
    lock::acquire(&dir.path, us).unwrap();
}

#[test]
fn twenty_at_once_get_one_lock() {
    let tmp = tempfile::tempdir().unwrap();
    let dir = state_dir::prepare(&tmp.path().join("s")).unwrap();
    let start = std::sync::Barrier::new(20);
    let locks: Vec<_> = std::thread::scope(|s| {
        let threads: Vec<_> = (0..20)
            .map(|_| {
                s.spawn(|| {
                    start.wait();
                    let _probe = client::lock::is_held(&dir.path);
                    lock::acquire(&dir.path, Holder::this_process("x".into(), NOW, (1, 1), "t"))
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert_eq!(locks.iter().filter(|l| l.is_ok()).count(), 1);
    assert!(locks.iter().all(|l| !matches!(l, Err(LockError::Open(_)))));
}

#[test]
fn a_socket_elsewhere_gets_a_folder_of_its_own() {
    let tmp = tempfile::tempdir().unwrap();
    let dir = state_dir::prepare(&tmp.path().join("s").join("x".repeat(100))).unwrap();
    let uid = rustix::process::geteuid().as_raw();
    let socket = state_dir::socket_path(&dir.path, tmp.path(), uid);
    state_dir::prepare_socket(&dir, &socket).unwrap();
    let folder = socket.parent().unwrap();
    assert_eq!(mode(folder), 0o700);
    fs::remove_dir(folder).unwrap();
    symlink("/", folder).unwrap();
    assert!(matches!(state_dir::prepare_socket(&dir, &socket), Err(OpenError::Symlink(_))));
}

/// A manager that leaves in good order takes its name out of the lock file; one that is killed leaves it there, and only
/// then does an open console start the next one.
#[test]
fn a_manager_that_was_stopped_is_told_from_one_that_died() {
    use nutkin::client::lock as seen;
    let home = tempfile::tempdir().unwrap();
    let dir = state_dir::prepare(&home.path().join("s")).unwrap().path;
    assert!(seen::was_left(&dir), "nobody was ever here");
    let held = lock::acquire(&dir, Holder::this_process("x".into(), NOW, (1, 1), "t")).unwrap();
    assert!(!seen::was_left(&dir));
    let killed = std::fs::read(dir.join("manager.lock")).unwrap();
    drop(held);
    assert!(seen::was_left(&dir), "it left in good order");
    std::fs::write(dir.join("manager.lock"), killed).unwrap();
    assert!(!seen::was_left(&dir) && !seen::is_held(&dir).unwrap(), "it died");
}
