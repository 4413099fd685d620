//! Files that are whole, cut, damaged, huge, of somebody else, and in places that take none.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use tempfile::TempDir;

use super::*;

fn name(text: &str) -> NodeName {
    NodeName::new(text).unwrap()
}

fn member(index: usize) -> (NodeName, SocketAddr) {
    let port = 1_000 + u16::try_from(index).unwrap();
    let address = match index % 2 {
        0 => SocketAddr::from(([10, 0, 0, 2], port)),
        _ => SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, 3], port)),
    };
    (name(&format!("worker-{index}")), address)
}

fn members(count: usize) -> Vec<(NodeName, SocketAddr)> {
    (0..count).map(member).collect()
}

fn sample(count: usize) -> Snapshot {
    Snapshot {
        cluster: name("production"),
        node: name("worker"),
        epoch: 1_767_225_600_000,
        members: members(count),
    }
}

struct Place {
    dir: TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("members")
    }

    async fn open(&self) -> io::Result<(SnapshotFile, Found)> {
        SnapshotFile::open(&self.path(), &name("production"), &name("worker")).await
    }

    async fn found(&self, bytes: &[u8]) -> Found {
        fs::write(self.path(), bytes).unwrap();
        self.open().await.unwrap().1
    }

    fn files(&self) -> usize {
        fs::read_dir(self.dir.path()).unwrap().count()
    }
}

#[tokio::test]
async fn what_was_written_is_found_again() {
    let place = Place::new();
    let (file, found) = place.open().await.unwrap();
    assert_eq!(found, Found::Nothing);
    assert_eq!(place.files(), 0, "opening leaves nothing behind");
    for count in [3, 0, 1] {
        let snapshot = sample(count);
        file.write(snapshot.epoch, snapshot.members.clone())
            .await
            .unwrap();
        let (_, found) = place.open().await.unwrap();
        assert_eq!(found, Found::Snapshot(snapshot));
        assert_eq!(place.files(), 1, "writing leaves nothing else behind");
    }
}

#[test]
fn the_format_is_as_documented() {
    let text = "rpcnet snapshot 1\ncluster production\nnode worker\nepoch 1767225600000\n\
                member worker-0 10.0.0.2:1000\nmember worker-1 [2001:db8::3]:1001\n";
    let rendered = render(&sample(2));
    let last = rendered.strip_prefix(text).unwrap();
    assert_eq!(last, format!("sha256 {}\n", sum(text.as_bytes())));
}

#[tokio::test]
async fn a_cut_file_is_damaged_wherever_it_was_cut() {
    let text = render(&sample(3));
    for end in 0..text.len() {
        assert_eq!(parse(&text.as_bytes()[..end]), None, "cut at {end}");
    }
    let place = Place::new();
    for end in [0, 1, text.len() / 2, text.len() - 1] {
        let found = place.found(&text.as_bytes()[..end]).await;
        assert_eq!(found, Found::Damaged(Damage::Content), "cut at {end}");
    }
}

#[test]
fn a_changed_byte_is_seen_wherever_it_is() {
    let text = render(&sample(3));
    for position in 0..text.len() {
        for flip in [1, 0x20, 0x80] {
            let mut damaged = text.clone().into_bytes();
            damaged[position] ^= flip;
            assert_eq!(parse(&damaged), None, "byte {position}");
        }
    }
    assert_eq!(parse((text + "\n").as_bytes()), None);
}

#[test]
fn a_sum_does_not_make_nonsense_a_snapshot() {
    let whole = render(&sample(1));
    let (body, _) = whole.split_once("sha256").unwrap();
    let summed = |body: &str| format!("{body}sha256 {}\n", sum(body.as_bytes()));
    assert!(parse(summed(body).as_bytes()).is_some());
    for (from, to) in [
        ("snapshot 1", "snapshot 2"),
        ("cluster production\n", ""),
        ("production", "a b"),
        ("epoch 1767225600000", "epoch 18446744073709551616"),
        ("epoch 1767225600000", "epoch -1"),
        ("member worker-0", "member"),
        ("member worker-0", "member \u{e9}"),
        ("10.0.0.2:1000", "10.0.0.2"),
        ("10.0.0.2:1000", "10.0.0.2:1000 x"),
        ("member", "other"),
    ] {
        let changed = body.replacen(from, to, 1);
        assert_ne!(changed, body);
        assert_eq!(parse(summed(&changed).as_bytes()), None, "{from} as {to}");
    }
}

#[tokio::test]
async fn binary_garbage_is_damaged_and_replaced_by_the_next_write() {
    let place = Place::new();
    let garbage: Vec<u8> = (0..10_000_u32).map(|i| ((i * i) >> 3) as u8).collect();
    assert_eq!(place.found(&garbage).await, Found::Damaged(Damage::Content));
    let (file, _) = place.open().await.unwrap();
    file.write(1, members(1)).await.unwrap();
    assert!(matches!(
        place.open().await.unwrap().1,
        Found::Snapshot(Snapshot { epoch: 1, .. })
    ));
}

#[tokio::test]
async fn a_huge_file_is_not_read_to_its_end() {
    let place = Place::new();
    let most = usize::try_from(FILE_BYTES_MAX).unwrap();
    let found = place.found(&vec![b'x'; most]).await;
    assert_eq!(found, Found::Damaged(Damage::Content));
    let found = place.found(&vec![b'x'; most + 1]).await;
    assert_eq!(found, Found::Damaged(Damage::TooLarge));
}

#[tokio::test]
async fn the_most_members_at_their_longest_fit_and_more_are_left_out() {
    let place = Place::new();
    let (file, _) = place.open().await.unwrap();
    let address: SocketAddr = "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"
        .parse()
        .unwrap();
    let long = |index: usize| (name(&format!("{index:0>64}")), address);
    for more in [0, 1] {
        let all: Vec<_> = (0..Snapshot::MEMBERS_MAX + more).map(long).collect();
        file.write(u64::MAX, all.clone()).await.unwrap();
        let Found::Snapshot(snapshot) = place.open().await.unwrap().1 else {
            panic!("it was written whole");
        };
        assert_eq!(snapshot.members, all[..Snapshot::MEMBERS_MAX]);
        assert!(fs::metadata(place.path()).unwrap().len() * 7 < FILE_BYTES_MAX);
    }
    let over = Snapshot {
        members: vec![long(0)],
        ..sample(0)
    };
    let line = format!("member {} {address}\n", long(0).0);
    let body = render(&over).replacen(&line, &line.repeat(Snapshot::MEMBERS_MAX + 1), 1);
    let (body, _) = body.split_once("sha256").unwrap();
    let text = format!("{body}sha256 {}\n", sum(body.as_bytes()));
    assert_eq!(parse(text.as_bytes()), None);
}

#[tokio::test]
async fn a_file_of_another_node_or_cluster_is_not_used() {
    let place = Place::new();
    let foreign = [
        Snapshot {
            cluster: name("staging"),
            ..sample(1)
        },
        Snapshot {
            node: name("worker-9"),
            ..sample(1)
        },
    ];
    for snapshot in foreign {
        let found = place.found(render(&snapshot).as_bytes()).await;
        assert_eq!(found, Found::Damaged(Damage::Foreign));
    }
}

#[tokio::test]
async fn a_place_that_takes_no_file_is_an_error_at_once() {
    let place = Place::new();
    let (cluster, node) = (name("production"), name("worker"));
    let absent = place.dir.path().join("absent/members");
    let error = SnapshotFile::open(&absent, &cluster, &node).await;
    assert_eq!(error.unwrap_err().kind(), io::ErrorKind::NotFound);
    let directory = place.dir.path();
    let error = SnapshotFile::open(directory, &cluster, &node).await;
    assert_eq!(error.unwrap_err().kind(), io::ErrorKind::IsADirectory);
    // Whoever runs the tests may be allowed to write everywhere, so the obstacle is one that
    // permissions do not lift: a directory where the new file would be.
    fs::create_dir(place.dir.path().join("members.new")).unwrap();
    place.open().await.unwrap_err();
}

#[tokio::test]
async fn a_write_that_fails_leaves_the_former_file() {
    let place = Place::new();
    let (file, _) = place.open().await.unwrap();
    file.write(1, members(2)).await.unwrap();
    let before = fs::read(place.path()).unwrap();
    fs::create_dir(place.dir.path().join("members.new")).unwrap();
    file.write(2, members(1)).await.unwrap_err();
    assert_eq!(fs::read(place.path()).unwrap(), before);
}
