//! Encoded values into parcels, and values out of them.

use std::io;

use serde::{Serialize, de::DeserializeOwned};

use super::{
    codec,
    parcels::{Held, Parcels},
    shared::Parcel,
    with_scratch,
};
use crate::{
    Failure, Route, SendError, Undecodable,
    raw::{Deadline, MessageBuffer},
};

/// Up to how many bytes an answer is encoded once and copied; longer ones are measured first, and then encoded
/// where they are to be.
const MOST_IN_SCRATCH: usize = 8 << 10;

/// The bytes of a parcel's chain, from a position on.
struct Bytes<'a> {
    parcels: &'a Parcels,
    held: &'a Held,
    at: usize,
}

impl Bytes<'_> {
    /// Returns how many of so many bytes there are, and moves on.
    fn next(&mut self, wanted: usize) -> (usize, usize) {
        let (at, len) = (self.at, wanted.min(self.held.len - self.at));
        self.at += len;
        (at, len)
    }
}

impl io::Read for Bytes<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let (at, len) = self.next(bytes.len());
        self.parcels.read(&self.held.chain, at, &mut bytes[..len]).map_err(io::Error::other)?;
        Ok(len)
    }
}

impl io::Write for Bytes<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A value that encodes to more than it did a moment ago meets the end.
        let (at, len) = self.next(bytes.len());
        self.parcels.write(&self.held.chain, at, &bytes[..len]).map_err(io::Error::other)?;
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes a value into a parcel that is held; `message` has its bytes if they fit there.
pub(super) fn write<T: Serialize>(
    value: &T,
    schema: u32,
    message: &MessageBuffer,
    parcel: &Parcel,
    route: Route,
) -> Result<(), SendError> {
    let (parcels, held) = (parcel.parcels(), parcel.held());
    let unencodable = |why| SendError::Unencodable { object: parcel.object().clone(), route, why };
    if message.bytes().len() == held.len {
        return Ok(parcels.write(&held.chain, 0, message.bytes()).map_err(|error| parcel.failed(error))?);
    }
    let mut to = Bytes { parcels, held, at: 0 };
    codec::encode_to(value, schema, &mut to).map_err(unencodable)?;
    if to.at == held.len {
        return Ok(());
    }
    Err(unencodable("it encodes to other bytes each time".to_owned()))
}

/// Makes a value of a parcel that is held; if that can't be, its bytes are in the error.
pub(super) fn read<T, E>(schema: u32, parcel: &Parcel, route: Route) -> Result<T, E>
where
    T: DeserializeOwned,
    E: From<Undecodable> + From<Failure>,
{
    let (parcels, held) = (parcel.parcels(), parcel.held());
    let from = Bytes { parcels, held, at: 0 };
    match codec::decode_from(from, held.len, schema) {
        Ok(value) => Ok(value),
        Err(why) => {
            let object = parcel.object().clone();
            let bytes = parcels.read_all(held).map_err(|error| parcel.failed(error))?;
            Err(Undecodable { object, route, bytes, why }.into())
        }
    }
}

/// Answers the request in a parcel that is held; on an error its caller learns that there is no answer.
pub(super) fn respond<T: Serialize>(
    mut parcel: Parcel,
    value: &T,
    schema: u32,
    route: Route,
    deadline: Deadline,
) -> Result<(), SendError> {
    if !parcel.session().is_ours() {
        // In a child made by `fork` it is the parent's to answer.
        return Err(Failure::Inherited { object: parcel.object().clone(), what: "request" }.into());
    }
    with_scratch(|message| {
        message.clear();
        let len = codec::encode(value, schema, message, MOST_IN_SCRATCH).map_err(|why| SendError::Unencodable {
            object: parcel.object().clone(),
            route,
            why,
        })?;
        parcel.make_room(len, deadline)?;
        write(value, schema, message, &parcel, route)
    })?;
    parcel.respond();
    Ok(())
}
