//! Messages: which Rust types can be sent, and how they are declared. No I/O here.

use super::{
    Route,
    codec::{self, Codec, CodecError},
};

/// A value that can be sent: a type, its codec, and the route it travels on.
///
/// Give each type of one channel a route of its own: a value of another type on the same route can't
/// be told from it, or is [`Undecodable`](crate::Undecodable).
///
/// # Limits
///
/// A value may be nested 128 levels deep: each struct, tuple, enum, sequence, map, `Option` and newtype inside another one
/// is a level, and a `Box` is none. Its sequences and maps together may have 65,536 elements that take no bytes, such as
/// those of a `Vec<()>`, and any number of others. Sending a value beyond that fails with
/// [`Unencodable`](crate::SendError::Unencodable), and nothing is sent. Bytes from outside that ask for more, or for a longer
/// string than the message has bytes, are [`Undecodable`](crate::Undecodable) before time or memory is spent on
/// them.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use sysv_primitives::{Channel, SendError, messages};
///
/// #[derive(Serialize, Deserialize)]
/// enum List { End, More(Box<List>) }
/// messages! { 1 => List }
///
/// # let name = format!("nested-example-{}", std::process::id());
/// let channel = Channel::create(&name)?;
/// let list = |len| (0..len).fold(List::End, |list, _| List::More(Box::new(list)));
/// channel.send(&list(127))?;
/// assert!(matches!(channel.send(&list(128)), Err(SendError::Unencodable { .. })));
/// channel.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
///
/// # Routes
///
/// A type gets its route by [`messages!`](crate::messages). One without a route does not compile:
///
/// ```compile_fail,E0277
/// # use serde::{Deserialize, Serialize};
/// # use sysv_primitives::Channel;
/// #[derive(Serialize, Deserialize)]
/// struct Stop;
/// fn send(channel: &Channel) {
///     let _ = channel.send(&Stop); // `Stop` is not a message: it has no route
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a message: it has no route",
    label = "this type does not implement `Message`",
    note = "a type with serde's traits: derive `serde::Serialize` and `serde::Deserialize`, and declare the route with `messages! {{ 1 => {Self} }}`",
    note = "plain data: derive `bytemuck::Pod` and `bytemuck::Zeroable`, and declare the route with `messages! {{ 1 => {Self}, codec pod }}`"
)]
pub trait Message: Sized {
    /// The route of all values of this type.
    const ROUTE: Route;
    /// A number for what the bytes mean. Change it with the type: a value of another schema is
    /// [`Undecodable`](crate::Undecodable), instead of being taken for what it isn't.
    const SCHEMA: u32 = 0;
    /// Whether it must get through to a full channel. A channel has room for 16 control messages besides all others.
    const IS_CONTROL: bool = false;
    /// After how many [attempts](crate::Channel::claim) a value of this type is [set aside](crate::Channel::set_aside). 0 is what the
    /// [channel](crate::Options::attempts) says.
    const ATTEMPTS: u8 = 0;
    /// How its values become bytes.
    type Codec: Codec<Self>;
}

/// Checks that a message is one of this type, by its codec and schema.
#[inline]
pub(in crate::channel) fn check<T: Message>(codec: u32, schema: u32) -> Result<(), CodecError> {
    codec::check_as::<T::Codec, T>(codec, schema, T::SCHEMA)
}

/// Declares types as [`Message`]s, one line each: the route, the type, and options in any order.
///
/// | option | what it sets |
/// | --- | --- |
/// | `schema 2` | [`Message::SCHEMA`]. By default 0 |
/// | `codec pod` | [`Message::Codec`]: `bincode` (the default), `pod`, `raw`, `postcard` (with the feature of that name), or the path of another [`Codec`] |
/// | `attempts 3` | [`Message::ATTEMPTS`]. By default what the channel says |
/// | `control` | [`Message::IS_CONTROL`] |
///
/// Two of one route don't compile.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use sysv_primitives::{Message, messages};
///
/// #[derive(Serialize, Deserialize)]
/// struct Resize { path: String, width: u32 }
/// #[derive(Serialize, Deserialize)]
/// struct Done { path: String }
///
/// messages! {
///     1 => Resize, schema 2;
///     2 => Done, control;
/// }
/// assert_eq!((Resize::ROUTE.to_string(), Resize::SCHEMA, Done::SCHEMA), ("1".to_owned(), 2, 0));
/// ```
///
/// ```compile_fail,E0080
/// # #[derive(serde::Serialize, serde::Deserialize)] struct One;
/// # #[derive(serde::Serialize, serde::Deserialize)] struct Two;
/// sysv_primitives::messages! {
///     1 => One;
///     1 => Two;
/// }
/// ```
#[macro_export]
macro_rules! messages {
    ($($route:literal => $message:ty $(, $option:ident $($number:literal)? $($($path:ident)::+)?)*);+ $(;)?) => {
        $(
            impl $crate::Message for $message {
                const ROUTE: $crate::Route = $crate::Route::new($route);
                $crate::__message_options! { () $([$option $($number)? $($($path)::+)?])* }
            }
        )+
        const _: () = {
            let routes = [$($route as i32),+];
            let mut one = 0;
            while one < routes.len() {
                let mut other = one + 1;
                while other < routes.len() {
                    assert!(routes[one] != routes[other], "two messages have one route");
                    other += 1;
                }
                one += 1;
            }
        };
    };
}

/// The options of one line of [`messages!`](crate::messages). The first token says whether a codec was given.
#[doc(hidden)]
#[macro_export]
macro_rules! __message_options {
    (()) => { type Codec = $crate::codec::Bincode; };
    ((codec)) => {};
    ($codec:tt [schema $schema:literal] $($rest:tt)*) => {
        const SCHEMA: u32 = $schema;
        $crate::__message_options! { $codec $($rest)* }
    };
    ($codec:tt [attempts $attempts:literal] $($rest:tt)*) => {
        const ATTEMPTS: u8 = $attempts;
        $crate::__message_options! { $codec $($rest)* }
    };
    ($codec:tt [control] $($rest:tt)*) => {
        const IS_CONTROL: bool = true;
        $crate::__message_options! { $codec $($rest)* }
    };
    (() [codec bincode] $($rest:tt)*) => { $crate::__message_options! { @ $crate::codec::Bincode, $($rest)* } };
    (() [codec pod] $($rest:tt)*) => { $crate::__message_options! { @ $crate::codec::Pod, $($rest)* } };
    (() [codec raw] $($rest:tt)*) => { $crate::__message_options! { @ $crate::codec::Raw, $($rest)* } };
    (() [codec postcard] $($rest:tt)*) => { $crate::__message_options! { @ $crate::codec::Postcard, $($rest)* } };
    (() [codec $($path:ident)::+] $($rest:tt)*) => { $crate::__message_options! { @ $($path)::+, $($rest)* } };
    (@ $codec:ty, $($rest:tt)*) => {
        type Codec = $codec;
        $crate::__message_options! { (codec) $($rest)* }
    };
}
