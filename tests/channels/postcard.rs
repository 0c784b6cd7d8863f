//! The codec `postcard`: the same promises as the default codec's, in another format.

use std::{collections::BTreeMap, fmt::Debug, io::Write};

use serde::{Deserialize, Serialize};
use support::{Name, Owned, child, name, number_from_env, typed_queue};
use sysv_primitives::{
    Channel, Message, RecvError, Request, Route, SendError, TypedQueue, Undecodable,
    codec::{Codec, CodecError, Postcard},
    messages,
    raw::MessageQueue,
};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Tree {
    Leaf,
    Node(Box<Tree>),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Seq(Vec<Seq>);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Nothings(Vec<()>);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Text {
    number: u32,
    text: String,
}

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

/// The route and the value of [`Text`], with the default codec.
#[derive(Debug, Serialize, Deserialize)]
struct ByDefault(u32, String);

#[derive(Serialize, Deserialize)]
struct Double(u64);

impl Request for Double {
    type Response = u64;
}

messages! {
    1 => Tree, codec postcard;
    2 => Seq, codec postcard;
    3 => Nothings, codec postcard;
    4 => Text, codec postcard, schema 7;
    5 => Numbers, codec postcard;
    6 => Rich, codec postcard;
    7 => Double, codec postcard;
}

impl Message for ByDefault {
    const ROUTE: Route = Text::ROUTE;
    type Codec = sysv_primitives::codec::Bincode;
}

/// Bytes that are sent as they are, and claim to be of postcard and of this schema.
struct Claimed<'a, const ROUTE: i32, const SCHEMA: u32>(&'a [u8]);

impl<const ROUTE: i32, const SCHEMA: u32> Message for Claimed<'_, ROUTE, SCHEMA> {
    const ROUTE: Route = Route::new(ROUTE);
    const SCHEMA: u32 = SCHEMA;
    type Codec = AsTheyAre;
}

struct AsTheyAre;

impl<'a, const ROUTE: i32, const SCHEMA: u32> Codec<Claimed<'a, ROUTE, SCHEMA>> for AsTheyAre {
    const NUMBER: u32 = <Postcard as Codec<()>>::NUMBER;

    fn encode(value: &Claimed<'a, ROUTE, SCHEMA>, to: &mut impl Write) -> Result<(), CodecError> {
        to.write_all(value.0).map_err(|error| CodecError::new(error.to_string()))
    }

    fn decode(_: &[u8]) -> Result<Claimed<'a, ROUTE, SCHEMA>, CodecError> {
        Err(CodecError::new("it is sent alone"))
    }
}

fn channel() -> (Channel, Name) {
    let name = name();
    (Channel::create(&name).unwrap(), name)
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

/// A queue, and a channel. A process that dies of their messages leaves none.
struct Channels {
    queue: TypedQueue,
    channel: Channel,
    _queue: Owned<MessageQueue>,
    _name: Name,
}

impl Channels {
    fn new() -> Self {
        let ((queue, owned), (channel, name)) = (typed_queue(), channel());
        Self { queue, channel, _queue: owned, _name: name }
    }

    /// Sends bytes on a queue and as a long message of a channel, and asserts that both are refused for this reason.
    #[track_caller]
    fn refuse<T: Message + Debug, const ROUTE: i32, const SCHEMA: u32>(&self, short: &[u8], long: &[u8], reason: &str) {
        assert_eq!((T::ROUTE, T::SCHEMA), (Route::new(ROUTE), SCHEMA));
        let message = [&4_u32.to_le_bytes(), &SCHEMA.to_le_bytes(), short].concat();
        self.queue.send_raw(T::ROUTE, &message).unwrap();
        self.channel.send(&Claimed::<ROUTE, SCHEMA>(long)).unwrap();
        assert!(self.channel.depth().unwrap().bytes > 0, "it is a long message");
        let refused =
            [undecodable(self.queue.try_recv::<T>(), &message), undecodable(self.channel.try_recv::<T>(), long)];
        assert!(refused.iter().all(|why| why.contains(reason)), "{refused:?}");
    }
}

fn rich() -> Vec<Rich> {
    let tree = Rich::Tree {
        by_name: [("größe".to_owned(), vec![None, Some(-1), Some(i64::MAX)]), (String::new(), vec![])].into(),
        bytes: vec![0, 1, 0xff].into(),
        inside: Some(Box::new(Rich::Text("inside".into(), 'ß'))),
    };
    let numbers = Rich::Numbers((1, -300, 70_000, i64::MIN, u128::MAX), [0.5, f64::INFINITY], true);
    vec![Rich::Plain, Rich::Text("a".repeat(300), '\u{10ffff}'), tree, numbers]
}

/// Values arrive as they were, short and long ones, on a channel and on a queue.
#[test]
fn values_arrive() {
    let Channels { queue, channel, .. } = &Channels::new();
    for value in rich() {
        channel.send(&value).unwrap();
        assert_eq!(channel.recv::<Rich>().unwrap(), value);
        queue.send(&value).unwrap();
        assert_eq!(queue.recv::<Rich>().unwrap(), value);
    }
    let long = Text { number: 300, text: "ä".repeat(30_000) };
    channel.send(&long).unwrap();
    assert_eq!(channel.recv::<Text>().unwrap(), long);
}

/// The bytes are those of postcard's specification.
#[test]
fn the_format_is_postcards() {
    let (channel, _name) = channel();
    channel.send(&Text { number: 300, text: "abc".into() }).unwrap();
    assert_eq!(channel.recv_any().unwrap().bytes(), b"\xac\x02\x03abc");
}

/// A call may have a request of this codec. Its response has the default one.
#[test]
fn a_call() {
    let (channel, _name) = channel();
    let pending = channel.request(&Double(21)).unwrap();
    let request = channel.recv_request::<Double>().unwrap();
    let doubled = request.0 * 2;
    request.respond(&doubled).unwrap();
    assert_eq!(pending.wait().unwrap(), 42);
}

/// A message of another codec or schema is refused, in either direction, and the error names both codecs.
#[test]
fn a_mix_up_is_refused() {
    #[track_caller]
    fn why<T: Message + Debug>(channel: &Channel) -> String {
        match channel.try_recv::<T>() {
            Err(RecvError::Undecodable(Undecodable { why, .. })) => why,
            other => panic!("it is to be refused: {other:?}"),
        }
    }
    let (channel, _name) = channel();
    channel.send(&ByDefault(1, "a".into())).unwrap();
    assert_eq!(why::<Text>(&channel), "it has codec 1 (bincode), and this program knows codec 4 (postcard)");
    channel.send(&Text { number: 1, text: "a".into() }).unwrap();
    assert_eq!(why::<ByDefault>(&channel), "it has codec 4 (postcard), and this program knows codec 1 (bincode)");
    channel.send(&Claimed::<4, 6>(b"\x01\x01a")).unwrap();
    assert_eq!(why::<Text>(&channel), "it has schema 6, and this program knows schema 7");
}

/// C14: a message of a recursive type is nested as deep as its sender likes, and must not use up the stack.
#[test]
fn case_c14_a_recursive_type() {
    let channels = Channels::new();
    child(|| {
        let reason = "it is nested more than 128 levels deep";
        channels.refuse::<Tree, 1, 0>(&[1; 2_000], &[1; 500_000], reason);
        channels.refuse::<Seq, 2, 0>(&[1; 2_000], &[1; 500_000], reason);
    })
    .join();
}

/// C14: what is as deep as it may be arrives. What is deeper is not sent.
#[test]
fn case_c14_a_value_that_is_too_deep_is_not_sent() {
    let (channel, _name) = channel();
    let tree = |nodes| (0..nodes).fold(Tree::Leaf, |tree, _| Tree::Node(Box::new(tree)));
    channel.send(&tree(127)).unwrap();
    assert_eq!(channel.recv::<Tree>().unwrap(), tree(127));
    match channel.send(&tree(128)) {
        Err(SendError::Unencodable { why, .. }) => assert_eq!(why, "it is nested more than 128 levels deep"),
        other => panic!("it can't be decoded: {other:?}"),
    }
    assert!(channel.try_recv::<Tree>().unwrap_err().is_busy());
}

/// C14: elements without bytes are bounded, and those that have bytes are never too many.
#[test]
fn case_c14_elements_of_no_bytes() {
    let (channel, _name) = channel();
    // Its length takes 3 bytes.
    let most = 65_536 + 3;
    channel.send(&Nothings(vec![(); most])).unwrap();
    assert_eq!(channel.recv::<Nothings>().unwrap().0.len(), most);
    let error = channel.send(&Nothings(vec![(); most + 1])).unwrap_err();
    assert!(matches!(&error, SendError::Unencodable { why, .. } if why.contains("65536 elements")), "{error:?}");
    // 2^64 - 1 elements, which would take 500 years.
    let huge = b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
    channel.send(&Claimed::<3, 0>(huge)).unwrap();
    assert!(undecodable(channel.try_recv::<Nothings>(), huge).contains("65536 elements"));
    let numbers = || Numbers(vec![1; 900_000]);
    channel.send(&numbers()).unwrap();
    assert!(channel.recv::<Numbers>().unwrap() == numbers());
}

/// M5: no memory is allocated for a length that the message can't have.
#[test]
fn case_m5_a_huge_length() {
    let channels = Channels::new();
    child(|| {
        for length in
            [&b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f"[..], b"\x80\x80\x80\x80\x80\x20", b"\xff\xff\xff\xff\x0f"]
        {
            let after = |before: &[u8], len| [before, length, &vec![7; len]].concat();
            channels.refuse::<Text, 4, 7>(&after(&[1], 100), &after(&[1], 30_000), "bytes are left");
            channels.refuse::<Numbers, 5, 0>(&after(&[], 100), &after(&[], 30_000), "elements");
        }
        // Of more bits than a length has, or without an end.
        let endless = &[0xff; 30_000];
        channels.refuse::<Numbers, 5, 0>(&endless[..100], endless, "varint");
    })
    .join();
}

/// M6: a message must be used up to its last byte, a long one as a short one.
#[test]
fn case_m6_left_over_bytes() {
    let channels = Channels::new();
    let text = [&b"\x01\xa0\x9c\x01"[..], &[b'a'; 20_000]].concat();
    for more in [1, 30_000] {
        let long = [&text[..], &vec![7; more]].concat();
        channels.refuse::<Text, 4, 7>(b"\x01\x01a+", &long, "bytes are left over");
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
    let (mut values, mut errors) = (0, 0);
    let mut check = |body: &[u8]| {
        channel.send(&Claimed::<6, 0>(body)).unwrap();
        match channel.try_recv::<Rich>() {
            Ok(_) => values += 1,
            refused => {
                undecodable(refused, body);
                errors += 1;
            }
        }
    };
    for body in &bodies {
        (0..body.len()).for_each(|len| check(&body[..len]));
        for bit in 0..8 * body.len() {
            let mut flipped = body.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            check(&flipped);
        }
    }
    let mut random = fastrand::Rng::with_seed(14);
    for _ in 0..inputs {
        let mut body = bodies[random.usize(..bodies.len())].clone();
        for _ in 0..random.usize(1..4) {
            let at = random.usize(..=body.len());
            match random.u8(..4) {
                0 => body.truncate(at),
                1 => body.insert(at, random.u8(..)),
                2 => body.insert(at, random.u8(0x80..)),
                _ if at < body.len() => body[at] = random.u8(..),
                _ => {}
            }
        }
        check(&body);
    }
    assert!(values > 1_000 && errors > 1_000, "{values} {errors}");
}
