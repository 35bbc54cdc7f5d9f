//! Ways to make a call.

/// Makes a call, and counts it by its name if it came to something.
macro_rules! call {
    ($name:ident($($argument:expr),* $(,)?)) => {{
        static SEEN: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
        $crate::calls::reached::count(stringify!($name), &SEEN, $name($($argument),*))
    }};
}

/// Notes what came to something: that the library called a function of the host's.
macro_rules! came {
    ($name:ident) => {{
        static SEEN: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
        $crate::calls::reached::mark(stringify!($name), &SEEN);
    }};
}

/// Makes a call and judges what it says; its last parameter, the place for an error, is left out here.
macro_rules! judge {
    ($name:ident($($argument:expr),* $(,)?)) => {
        $crate::hands::judged(|error| call!($name($($argument,)* error)))
    };
}

/// As `judge!`, of a call that gives a handle to this hand: its place, the parameter before the error, is left out too.
macro_rules! take {
    ($hand:expr, $name:ident($($argument:expr),* $(,)?)) => {
        $hand.take(|status| status == 0, |place, error| call!($name($($argument,)* place, error)))
    };
}

/// As `judge!`, of a call that gives a value: gives it too, if the call did.
macro_rules! value {
    ($name:ident($($argument:expr),* $(,)?)) => {
        $crate::hands::value(|place, error| call!($name($($argument,)* place, error)))
    };
}

/// As `value!`, of a call that gives two.
macro_rules! pair {
    ($name:ident($($argument:expr),* $(,)?)) => {
        $crate::hands::pair(|first, second, error| {
            call!($name($($argument,)* first, second, error))
        })
    };
}
