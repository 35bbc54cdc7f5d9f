//! A place where a test may change what the forge has just built.

use std::rc::Rc;

type Change<T> = Rc<dyn Fn(&mut T)>;

/// Empty by default; otherwise changes a value of type `T` before it is used further.
pub struct Hook<T>(Option<Change<T>>);

impl<T: 'static> Hook<T> {
    /// Sets the change; a second call adds a second change after the first.
    pub fn set(&mut self, change: impl Fn(&mut T) + 'static) {
        let before = self.0.take();
        self.0 = Some(Rc::new(move |value| {
            if let Some(before) = &before {
                before(value);
            }
            change(value);
        }));
    }

    pub(crate) fn run(&self, mut value: T) -> T {
        if let Some(change) = &self.0 {
            change(&mut value);
        }
        value
    }
}

impl<T> Default for Hook<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Clone for Hook<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}
