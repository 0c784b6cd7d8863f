//! The type of the value, which is part of the object.

use support::name;
use sysv_ipc::Segment;
use sysv_primitives::{
    Mutex, OpenError, Options,
    bytemuck::{Pod, Zeroable},
};

#[test]
fn wrong_type() {
    let name = name();
    let _mutex = Mutex::create(&name, 0_u64).unwrap();
    let error = Mutex::<u32>::open(&name).unwrap_err();
    assert!(matches!(error, OpenError::WrongType { .. }));
    assert!(error.to_string().contains("8 bytes") && error.to_string().contains("4 bytes"), "{error}");
    assert!(matches!(Mutex::<u64>::options().schema(1).open(&name), Err(OpenError::WrongType { .. })));
    assert!(matches!(Mutex::create(&name, 0_u64), Err(OpenError::NameTaken { .. })));
    #[derive(Clone, Copy, bytemuck::Zeroable, bytemuck::Pod)]
    #[repr(C, align(256))]
    struct Wide([u8; 256]);
    let wide = Mutex::create(&format!("{}-", &*name), Wide([0; 256]));
    assert!(matches!(wide, Err(OpenError::Overaligned { align: 256, most: 128, .. })));
}

mod bank {
    use sysv_primitives::bytemuck::{Pod, Zeroable};

    #[derive(Clone, Copy, Pod, Zeroable)]
    #[bytemuck(crate = "sysv_primitives::bytemuck")]
    #[repr(C)]
    pub(crate) struct Account(u64);

    #[derive(Clone, Copy, Pod, Zeroable)]
    #[bytemuck(crate = "sysv_primitives::bytemuck")]
    #[repr(C)]
    pub(crate) struct Customer(u64);

    /// As another program may declare it, or the same one after it was moved.
    pub(crate) mod moved {
        use sysv_primitives::bytemuck::{Pod, Zeroable};

        #[derive(Clone, Copy, Pod, Zeroable)]
        #[bytemuck(crate = "sysv_primitives::bytemuck")]
        #[repr(C)]
        pub(crate) struct Account(u64);
    }
}

/// The names of types count, without their paths.
#[test]
fn case_f7_a_u64_is_no_f64() {
    let name = name();
    let _mutex = Mutex::create(&name, 0_u64).unwrap();
    let error = Mutex::<f64>::open(&name).unwrap_err();
    let OpenError::WrongType { found, wanted, .. } = &error else { panic!("{error}") };
    assert_eq!((&*found.name, &*wanted.name), ("u64", "f64"));
    let text = error.to_string();
    let is_clear = ["type u64 (8 bytes", "type f64 (8 bytes", "Options::type_name"].iter().all(|it| text.contains(it));
    assert!(is_clear, "{text}");
    let other = support::name();
    let _mutex = Mutex::create(&other, [bank::Account::zeroed(); 2]).unwrap();
    drop(Mutex::<[bank::moved::Account; 2]>::open(&other).expect("it has moved, and is the same"));
    assert!(matches!(Mutex::<[bank::Customer; 2]>::open(&other), Err(OpenError::WrongType { .. })));
}

/// Two names can mean one type, and one name two.
#[test]
fn case_f7_a_name_can_be_said() {
    let name = name();
    fn account<T: Pod>() -> Options<Mutex<T>> {
        Mutex::options().type_name("bank.Account")
    }
    let _mutex = account().create(&name, bank::Account::zeroed()).unwrap();
    drop(account::<bank::Customer>().open(&name).expect("it was said to be the same"));
    assert!(matches!(Mutex::<bank::Account>::open(&name), Err(OpenError::WrongType { .. })));
    let refused = account::<u32>().open(&name);
    assert!(matches!(refused, Err(OpenError::WrongType { .. })), "the size counts all the same");
}

/// What the memory says of the type's name is shown as text, whatever it is. The whole name counts.
#[test]
fn case_f7_a_types_name_may_be_long_or_hostile() {
    let name = name();
    let long = |last: &str| Mutex::<u8>::options().type_name(&("x".repeat(127) + "éé" + last));
    let mutex = long("a").create(&name, 0).unwrap();
    drop(long("a").open(&name).unwrap());
    let refused = |last| long(last).open(&name).map(drop).unwrap_err();
    let error = refused("b");
    let OpenError::WrongType { found, .. } = &error else { panic!("{error}") };
    assert_eq!(found.name, "x".repeat(127) + "\u{fffd}…", "128 bytes of it are kept");
    let memory = Segment::from_id(mutex.status().unwrap().segment).unwrap().attach().unwrap();
    let at = memory.read(512, 0).unwrap().windows(4).position(|four| four == b"xxxx").unwrap();
    memory.write(b"\x1b[2J\n\0\xff\xe2\x80\xae", at).unwrap();
    // The length of the type's name, before that of the object's.
    memory.write(&u64::MAX.to_ne_bytes(), at - 16).unwrap();
    let error = refused("b");
    let OpenError::WrongType { found, .. } = &error else { panic!("{error}") };
    assert!(found.name.starts_with("\u{fffd}[2J\u{fffd}\u{fffd}\u{fffd}\u{fffd}xxx"), "{:?}", found.name);
    assert!(!error.to_string().contains(char::is_control), "{error}");
    drop(long("a").open(&name).expect("the text decides nothing"));
}
