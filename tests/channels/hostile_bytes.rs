//! Bytes from outside: whatever they are, they are a value or an error that holds them, and soon.

use std::{collections::BTreeMap, fmt::Debug, io::Write, thread, time::Duration};

use serde::{Deserialize, Serialize};
use support::{LONG, Name, Owned, child, name, number_from_env, typed_queue, until};
use sysv_primitives::{
    Channel, Message, RecvError, Route, SendError, TypedQueue, Undecodable,
    codec::{Codec, CodecError},
    messages,
    raw::MessageQueue,
};

// Values that may be nested without end, one for each way into another value.

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Tree {
    Leaf,
    Node(Box<Tree>),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Tuple {
    End,
    More(u8, Box<Tuple>),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Fields {
    End,
    More { next: Box<Fields> },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Struct {
    number: u8,
    next: Option<Box<Struct>>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct TupleStruct(u8, Option<Box<TupleStruct>>);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Seq(Vec<Seq>);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Map(BTreeMap<u8, Map>);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Key(BTreeMap<Box<OrderedKey>, u8>);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct OrderedKey(Option<Box<OrderedKey>>);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Nothings(Vec<()>);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct ManyNothings(Vec<Vec<()>>);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct NothingsByNumber(BTreeMap<u8, Vec<[(); 0]>>);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Text {
    number: u32,
    text: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Blob(#[serde(with = "serde_bytes")] Vec<u8>);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Numbers(Vec<u64>);

/// Something of everything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Rich {
    Plain,
    Text(String, char),
    Tree { by_name: BTreeMap<String, Vec<Option<i64>>>, bytes: Box<[u8]>, inside: Option<Box<Rich>> },
    Numbers((u8, i16, u32, i64, u128), [f64; 2], bool),
}

messages! {
    1 => Tree;
    2 => Tuple;
    3 => Fields;
    4 => Struct;
    5 => TupleStruct;
    6 => Seq;
    7 => Map;
    8 => Key;
    9 => Nothings;
    10 => ManyNothings;
    11 => NothingsByNumber;
    12 => Text;
    13 => Blob;
    14 => Numbers;
    15 => Rich;
}

/// Bytes that are sent as they are, and claim to be of bincode. As a type it is received by none.
struct Raw<'a, const ROUTE: i32>(&'a [u8]);

impl<const ROUTE: i32> Message for Raw<'_, ROUTE> {
    const ROUTE: Route = Route::new(ROUTE);
    type Codec = AsTheyAre;
}

struct AsTheyAre;

impl<'a, const ROUTE: i32> Codec<Raw<'a, ROUTE>> for AsTheyAre {
    const NUMBER: u32 = 1;

    fn encode(value: &Raw<'a, ROUTE>, to: &mut impl Write) -> Result<(), CodecError> {
        to.write_all(value.0).map_err(|error| CodecError::new(error.to_string()))
    }

    fn decode(_: &[u8]) -> Result<Raw<'a, ROUTE>, CodecError> {
        Err(CodecError::new("it is sent alone"))
    }
}

/// With the codec and the schema that each message of a queue has in front.
fn message(body: &[u8]) -> Vec<u8> {
    [&[1, 0, 0, 0, 0, 0, 0, 0], body].concat()
}

/// Asserts that a message is refused with its bytes, and returns why. It must have come to the decoder.
#[track_caller]
fn undecodable<T: Debug>(result: Result<T, RecvError>, body: &[u8]) -> String {
    match result {
        Err(RecvError::Undecodable(Undecodable { bytes, why, .. })) => {
            assert_eq!(bytes, body);
            assert!(!why.contains("schema"), "it never came to the decoder: {why}");
            why
        }
        other => panic!("it is to be refused: {other:?}"),
    }
}

/// A length, as bincode has it.
fn length(length: u64) -> [u8; 8] {
    length.to_le_bytes()
}

/// A queue, and a channel. A process that dies of their messages leaves none.
struct Channels {
    queue: TypedQueue,
    channel: Channel,
    _queue: Owned<MessageQueue>,
    _name: Name,
}

impl Channels {
    fn new() -> Self {
        let ((queue, owned), name) = (typed_queue(), name());
        Self { queue, channel: Channel::create(&name).unwrap(), _queue: owned, _name: name }
    }

    /// Sends bytes on a queue and as a long message of a channel, and returns why each is refused.
    #[track_caller]
    fn refuse<T: Message + Debug, const ROUTE: i32>(&self, short: &[u8], long: &[u8]) -> [String; 2] {
        assert_eq!(T::ROUTE, Route::new(ROUTE));
        self.queue.send_raw(T::ROUTE, &message(short)).unwrap();
        self.channel.send(&Raw::<ROUTE>(long)).unwrap();
        assert!(self.channel.depth().unwrap().bytes > 0, "it is a long message");
        [undecodable(self.queue.try_recv::<T>(), &message(short)), undecodable(self.channel.try_recv::<T>(), long)]
    }
}

fn channel() -> (Channel, Name) {
    let name = name();
    (Channel::create(&name).unwrap(), name)
}

/// Runs in a process and a thread of its own: what goes wrong may end the process.
#[track_caller]
fn in_a_small_thread(body: impl FnOnce() + Send) {
    child(|| {
        thread::scope(|scope| {
            let thread = thread::Builder::new().stack_size(2 << 20).spawn_scoped(scope, body).unwrap();
            thread.join().unwrap();
        });
    })
    .join();
}

// Depth ----------------------------------------------------------------------------------------

/// 20,000 bytes that open one value inside the other.
#[track_caller]
fn assert_depth_is_bounded<T: Message + Debug, const ROUTE: i32>(before: &[u8], period: &[u8]) {
    let long = [before, &period.repeat(20_000 / period.len())].concat();
    let channels = Channels::new();
    in_a_small_thread(|| {
        for why in channels.refuse::<T, ROUTE>(&long[..2_000], &long) {
            assert_eq!(why, "it is nested more than 128 levels deep");
        }
    });
}

/// C14: a message of a recursive type is nested as deep as its sender likes, and must not use up the stack.
#[test]
fn case_c14_a_recursive_type() {
    // A variant takes four bytes, a length eight.
    assert_depth_is_bounded::<Tree, 1>(b"", b"\x01\0\0\0");
    assert_depth_is_bounded::<Tuple, 2>(b"", b"\x01\0\0\0\0");
    assert_depth_is_bounded::<Fields, 3>(b"", b"\x01\0\0\0");
    assert_depth_is_bounded::<Struct, 4>(b"", b"\0\x01");
    assert_depth_is_bounded::<TupleStruct, 5>(b"", b"\0\x01");
    assert_depth_is_bounded::<Seq, 6>(b"", &length(1));
    assert_depth_is_bounded::<Map, 7>(b"", &[&length(1)[..], b"\0"].concat());
    assert_depth_is_bounded::<Key, 8>(&length(1), b"\x01");
}

fn tree(nodes: usize) -> Tree {
    (0..nodes).fold(Tree::Leaf, |tree, _| Tree::Node(Box::new(tree)))
}

/// C14: what is as deep as it may be arrives. What is deeper is not sent, and the channel is as before.
#[test]
fn case_c14_a_value_that_is_too_deep_is_not_sent() {
    fn assert_not_sent<T: Message + Debug>(channel: &Channel, value: &T) {
        match channel.send(value) {
            Err(SendError::Unencodable { why, .. }) => assert_eq!(why, "it is nested more than 128 levels deep"),
            other => panic!("it can't be decoded: {other:?}"),
        }
        assert!(channel.try_recv::<T>().unwrap_err().is_busy());
    }
    let (channel, _name) = channel();
    in_a_small_thread(|| {
        channel.send(&tree(127)).unwrap();
        assert_eq!(channel.recv::<Tree>().unwrap(), tree(127));
        assert_not_sent(&channel, &tree(128));
        // So deep that to encode it would use up the stack as well. It isn't dropped, which would too.
        let deep = std::mem::ManuallyDrop::new(tree(1_000_000));
        assert_not_sent(&channel, &*deep);

        // 1 level for the newtype and 1 for what it holds.
        let chain = |len| (0..len).fold(Seq(vec![]), |inner, _| Seq(vec![inner]));
        channel.send(&chain(63)).unwrap();
        assert_eq!(channel.recv::<Seq>().unwrap(), chain(63));
        assert_not_sent(&channel, &chain(64));
        let key = |len| {
            Key([(Box::new((0..len).fold(OrderedKey(None), |key, _| OrderedKey(Some(Box::new(key))))), 1)].into())
        };
        channel.send(&key(62)).unwrap();
        assert_eq!(channel.recv::<Key>().unwrap(), key(62));
        assert_not_sent(&channel, &key(63));
    });
}

// Elements -------------------------------------------------------------------------------------

/// C14: a `Vec<()>` of 2^64 - 1 elements takes 8 bytes, and would take 500 years.
#[test]
fn case_c14_elements_of_no_bytes() {
    let (channel, _name) = channel();
    let receiver = child(|| {
        let why = "it has more than 65536 elements that have no bytes";
        for body in [u64::MAX, u32::MAX.into(), 65_536 + 9].map(length) {
            channel.send(&Raw::<9>(&body)).unwrap();
            assert_eq!(undecodable(channel.recv_timeout::<Nothings>(LONG), &body), why);
        }
        // Each is small, and together they are not. A message's bytes are not spent once for each.
        let mut many = length(4_000).to_vec();
        many.extend(length(250).repeat(4_000));
        channel.send(&Raw::<10>(&many)).unwrap();
        assert_eq!(undecodable(channel.try_recv::<ManyNothings>(), &many), why);
        let mut by_number = length(250).to_vec();
        by_number.extend((0..250).flat_map(|number| [&[number][..], &length(32_767)].concat()));
        channel.send(&Raw::<11>(&by_number)).unwrap();
        assert_eq!(undecodable(channel.try_recv::<NothingsByNumber>(), &by_number), why);
    });
    // Killed if it doesn't come to its end.
    until(|| receiver.is_done());
    receiver.join();
}

/// C14: as many as a message may have arrive. More are not sent. Elements that have bytes are never too many.
#[test]
fn case_c14_elements_that_are_too_many_are_not_sent() {
    let (name, other_name) = (name(), name());
    let channel = Channel::create(&name).unwrap();
    // Its length takes 8 bytes.
    let most = 65_536 + 8;
    channel.send(&Nothings(vec![(); most])).unwrap();
    assert_eq!(channel.recv::<Nothings>().unwrap().0.len(), most);
    let error = channel.send(&Nothings(vec![(); most + 1])).unwrap_err();
    assert!(matches!(&error, SendError::Unencodable { why, .. } if why.contains("65536 elements")), "{error:?}");
    assert!(channel.try_recv::<Nothings>().unwrap_err().is_busy());
    let numbers = || Numbers(vec![1; 400_000]);
    let large = Channel::options().max_message_size(4 << 20).create(&other_name).unwrap();
    large.send(&numbers()).unwrap();
    assert!(large.recv::<Numbers>().unwrap() == numbers());
}

// Lengths --------------------------------------------------------------------------------------

/// M5: no memory is allocated for a length that the message can't have.
#[test]
fn case_m5_a_huge_length() {
    fn assert_refused<T: Message + Debug, const ROUTE: i32>(channels: &Channels, before: &[u8], expected: &str) {
        for length in [u64::MAX >> 1, 1 << 40, u32::MAX.into()].map(length) {
            let body = [before, &length, &[7; 100]].concat();
            // Beyond the stream's buffer, which holds 8 KiB at a time.
            let long = [before, &length, &[7; 30_000]].concat();
            for why in channels.refuse::<T, ROUTE>(&body, &long) {
                assert!(why.contains(expected), "{why}");
            }
        }
    }
    let channels = Channels::new();
    child(|| {
        assert_refused::<Text, 12>(&channels, &[1, 0, 0, 0], "bytes are left");
        assert_refused::<Blob, 13>(&channels, &[], "bytes are left");
        assert_refused::<Numbers, 14>(&channels, &[], "elements");
        assert_refused::<Nothings, 9>(&channels, &[], "elements");
    })
    .join();
}

/// M6: a message must be used up to its last byte, a long one as a short one.
#[test]
fn case_m6_left_over_bytes() {
    let text = || Text { number: 1, text: "a".repeat(20_000) };
    let name = name();
    let channel = Channel::create(&name).unwrap();
    channel.send(&text()).unwrap();
    assert_eq!(channel.try_recv::<Text>().unwrap(), text());
    let channels = Channels::new();
    // One byte, some that are in the buffer, and more than it holds.
    for more in [1, 1_000, 30_000] {
        let long = [&[1, 0, 0, 0], &length(20_000)[..], &text().text.into_bytes(), &vec![7; more]].concat();
        let short = [&[1, 0, 0, 0], &length(1)[..], b"a+"].concat();
        for why in channels.refuse::<Text, 12>(&short, &long) {
            assert!(why.ends_with("bytes are left over"), "{why}");
        }
    }
}

// Everything -----------------------------------------------------------------------------------

fn rich() -> Vec<Rich> {
    let tree = Rich::Tree {
        by_name: [("größe".to_owned(), vec![None, Some(-1), Some(i64::MAX)]), (String::new(), vec![])].into(),
        bytes: vec![0, 1, 0xff].into(),
        inside: Some(Box::new(Rich::Text("inside".into(), 'ß'))),
    };
    let numbers = Rich::Numbers((1, -300, 70_000, i64::MIN, u128::MAX), [0.5, f64::INFINITY], true);
    vec![Rich::Plain, Rich::Text("a".repeat(300), '\u{10ffff}'), tree, numbers]
}

/// What came of the inputs.
#[derive(Default)]
struct Outcomes {
    values: u64,
    errors: u64,
}

impl Outcomes {
    #[track_caller]
    fn count(&mut self, result: Result<Rich, RecvError>, body: &[u8]) {
        if result.is_ok() {
            self.values += 1;
        } else {
            undecodable(result, body);
            self.errors += 1;
        }
    }
}

/// M5: each prefix and each flipped bit of a valid message, and then random changes, are a value or an error.
///
/// `HOSTILE_INPUTS` sets how many there are.
#[test]
fn case_m5_changed_messages() {
    let inputs = number_from_env("HOSTILE_INPUTS", 30_000);
    let (channel, _name) = channel();
    let bodies: Vec<Vec<u8>> = rich()
        .iter()
        .map(|value| {
            channel.send(value).unwrap();
            channel.recv_any().unwrap().bytes().to_vec()
        })
        .collect();
    let mut outcomes = Outcomes::default();
    let mut check = |body: &[u8]| {
        channel.send(&Raw::<15>(body)).unwrap();
        outcomes.count(channel.try_recv(), body);
    };
    let mut done = 0;
    for body in &bodies {
        for len in 0..body.len() {
            check(&body[..len]);
        }
        for bit in 0..8 * body.len() {
            let mut flipped = body.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            check(&flipped);
        }
        done += 9 * body.len() as u64;
    }
    let mut random = fastrand::Rng::with_seed(14);
    for _ in done..inputs {
        check(&changed(&bodies, &mut random));
    }
    assert!(outcomes.values > 1_000 && outcomes.errors > 1_000, "{} {}", outcomes.values, outcomes.errors);
}

/// Changes some bytes, cuts some off and puts some in.
fn changed(bodies: &[Vec<u8>], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut body = bodies[random.usize(..bodies.len())].clone();
    for _ in 0..random.usize(1..4) {
        let at = random.usize(..=body.len());
        match random.u8(..4) {
            0 => body.truncate(at),
            1 => body.insert(at, random.u8(..)),
            2 => body.insert(at, random.u8(250..)),
            _ if at < body.len() => body[at] = random.u8(..),
            _ => {}
        }
    }
    body
}

/// M5: the same for long messages, which are decoded piece by piece.
#[test]
fn case_m5_changed_long_messages() {
    let inputs = number_from_env("HOSTILE_INPUTS", 30_000) / 30;
    let name = name();
    let channel = Channel::create(&name).unwrap();
    let long = Rich::Tree {
        by_name: (0..2_000).map(|number: i64| (number.to_string(), vec![Some(number); 2])).collect(),
        bytes: vec![7; 9_000].into(),
        inside: None,
    };
    channel.send(&long).unwrap();
    let body = channel.recv_any().unwrap().bytes().to_vec();
    let mut outcomes = Outcomes::default();
    let mut random = fastrand::Rng::with_seed(41);
    for _ in 0..inputs {
        // What is cut to less than a long message is a short one, and is checked as well.
        let body = changed(&[body.to_vec()], &mut random);
        channel.send(&Raw::<15>(&body)).unwrap();
        outcomes.count(channel.recv_timeout(Duration::from_secs(60)), &body);
    }
    assert!(outcomes.values > 10 && outcomes.errors > 10, "{} {}", outcomes.values, outcomes.errors);
    support::letters::assert_unused(&channel);
}
