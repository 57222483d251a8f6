//! [`Parameter`]: a value of a component that a graph can set, declared as a constant.
//!
//! What is allowed and what a user is told is decided here; the dealings with the runtime are in `register`.

use crate::parameter_type::{Kind, Source};
use crate::sys::gxfs_value;
use crate::{Ordered, ParameterType, ParameterValue};

/// A parameter of a component: a `static`, listed in [`crate::Component::PARAMETERS`].
///
/// With a default it always has a value; [`Parameter::optional`] without one may have none; neither makes it mandatory:
/// a graph that does not set it is refused by the runtime. Every new value, from YAML or set while the graph runs, must
/// be in the range and pass the validation, otherwise it is refused with one log line.
///
/// ```
/// use gxf::{FilePath, Handle, Parameter, Receiver};
///
/// // Mandatory: a graph must name a receiver.
/// static RX: Parameter<Handle<Receiver>> = Parameter::new("rx", "Messages", "Receiver of the messages");
/// // Headlines carry the unit, since they are what Composer shows beside the value.
/// static LATENCY: Parameter<u32> =
///     Parameter::new("latency", "Latency (ms)", "How long to wait for late packets").default(100).range(0, 10_000);
/// // May have no value: read with `try_get`.
/// static CONFIG: Parameter<FilePath> = Parameter::new("config-file", "Settings", "More settings; none: defaults").optional();
/// // May change while the graph runs: read at each tick.
/// static GAIN: Parameter<f64> = Parameter::new("gain", "Gain", "Factor of each value").default(1.0).dynamic();
/// // A check of one's own; the error says what is allowed.
/// static MODE: Parameter<String> = Parameter::new("mode", "Mode", "fast: a rough answer. exact: a slow one")
///     .default("fast")
///     .validate(|mode| match mode {
///         "fast" | "exact" => Ok(()),
///         _ => Err("allowed: fast, exact".to_owned()),
///     });
/// assert_eq!(LATENCY.key(), "latency");
/// ```
pub struct Parameter<T: ParameterType> {
    key: &'static str,
    headline: &'static str,
    description: &'static str,
    default: Option<T::Const>,
    range: Option<Range<T>>,
    step: Option<T::Const>,
    optional: bool,
    dynamic: bool,
    validate: Option<Validate<T>>,
}

/// A check of the author's own.
type Validate<T> = fn(&<T as ParameterType>::View) -> Result<(), String>;

/// The bounds with what is done with them: `Parameter<T>` itself does not require an order.
struct Range<T: ParameterType> {
    least: T::Const,
    most: T::Const,
    within: fn(&T::View, T::Const, T::Const) -> bool,
    show: fn(T::Const) -> ParameterValue,
}

impl<T: ParameterType> Clone for Range<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ParameterType> Copy for Range<T> {}

impl<T: ParameterType> Parameter<T> {
    /// A mandatory parameter. `key` is its name in YAML, `headline` a few words, `description` what a user needs to know
    /// (unit, meaning of special values).
    pub const fn new(key: &'static str, headline: &'static str, description: &'static str) -> Self {
        assert!(!key.is_empty() && crate::limits::fits(key, 255), "key: 1 to 255 bytes, no NUL");
        assert!(crate::limits::fits(headline, usize::MAX), "headline: no NUL");
        assert!(crate::limits::fits(description, usize::MAX), "description: no NUL");
        Parameter {
            key,
            headline,
            description,
            default: None,
            range: None,
            step: None,
            optional: false,
            dynamic: false,
            validate: None,
        }
    }

    /// The value where a graph sets none.
    pub const fn default(mut self, value: T::Const) -> Self {
        self.default = Some(value);
        self
    }

    /// A graph may leave it unset.
    pub const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// It may be changed while the graph runs; whoever reads it at each tick sees the change.
    pub const fn dynamic(mut self) -> Self {
        self.dynamic = true;
        self
    }

    /// A check of the author's own. The error says what is allowed, e.g. `must end in .mp4`.
    ///
    /// It may be called from any thread that sets the parameter and must not call GXF.
    pub const fn validate(mut self, check: fn(&T::View) -> Result<(), String>) -> Self {
        self.validate = Some(check);
        self
    }

    /// The key in YAML.
    pub const fn key(&self) -> &'static str {
        self.key
    }

    pub(crate) fn read(&self, source: Source<'_>) -> Result<T, i32> {
        T::read(source)
    }

    fn allowed(&self) -> String {
        match &self.range {
            Some(range) if T::KIND.number == <f64 as ParameterType>::KIND.number => {
                format!("a number from {} to {}", (range.show)(range.least), (range.show)(range.most))
            }
            Some(range) => format!("a whole number from {} to {}", (range.show)(range.least), (range.show)(range.most)),
            None => T::KIND.expected.to_owned(),
        }
    }
}

impl<T: Ordered> Parameter<T> {
    /// The least and the greatest value allowed, both included.
    pub const fn range(mut self, least: T::Const, most: T::Const) -> Self {
        self.range = Some(Range { least, most, within: T::within, show: T::show });
        self
    }

    /// The step in which tools change the value; only of use with a range.
    pub const fn step(mut self, step: T::Const) -> Self {
        self.step = Some(step);
        self
    }
}

/// Why a value is refused.
#[doc(hidden)]
#[derive(Debug, PartialEq)]
pub struct Refusal {
    pub(crate) value: String,
    pub(crate) reason: String,
}

/// What is declared to the runtime besides the strings.
#[doc(hidden)]
pub struct Declaration {
    pub(crate) key: &'static str,
    pub(crate) headline: &'static str,
    pub(crate) description: &'static str,
    pub(crate) kind: Kind,
    pub(crate) optional: bool,
    pub(crate) dynamic: bool,
    pub(crate) default: Option<gxfs_value>,
    pub(crate) default_text: Option<&'static str>,
    pub(crate) range: Option<[gxfs_value; 2]>,
    pub(crate) step: Option<gxfs_value>,
}

mod sealed {
    pub trait Sealed {}
    impl<T: super::ParameterType> Sealed for super::Parameter<T> {}
}

/// A [`Parameter`] of any type: what [`crate::Component::PARAMETERS`] lists.
pub trait AnyParameter: sealed::Sealed + Sync {
    #[doc(hidden)]
    fn declaration(&self) -> Declaration;
    /// Whether a new value is allowed.
    ///
    /// # Safety
    /// `value` must have the member of the parameter's type set; a text must be a C string.
    #[doc(hidden)]
    unsafe fn check(&self, value: &gxfs_value) -> Result<(), Refusal>;
    /// What a value must be, in words.
    #[doc(hidden)]
    fn expected(&self) -> String;
    /// Sets the default of the component that `source` names.
    #[doc(hidden)]
    fn write(&self, source: Source<'_>, value: gxfs_value) -> i32;
}

impl<T: ParameterType> AnyParameter for Parameter<T> {
    fn declaration(&self) -> Declaration {
        Declaration {
            key: self.key,
            headline: self.headline,
            description: self.description,
            kind: T::KIND,
            optional: self.optional,
            dynamic: self.dynamic,
            default: self.default.map(T::scalar),
            default_text: self.default.and_then(T::text),
            range: self.range.map(|range| [T::scalar(range.least), T::scalar(range.most)]),
            step: self.step.map(T::scalar),
        }
    }

    unsafe fn check(&self, value: &gxfs_value) -> Result<(), Refusal> {
        let look = |view: &T::View, shown: ParameterValue| {
            let refused = |reason| Refusal { value: shown.to_string(), reason };
            if let Some(range) = &self.range
                && !(range.within)(view, range.least, range.most)
            {
                return Err(refused(format!("it must be {}", self.allowed())));
            }
            match self.validate {
                Some(validate) => validate(view).map_err(refused),
                None => Ok(()),
            }
        };
        // SAFETY: the caller's promise is the same.
        unsafe { T::view(value, look) }
    }

    fn expected(&self) -> String {
        self.allowed()
    }

    fn write(&self, source: Source<'_>, value: gxfs_value) -> i32 {
        T::write(source, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static CACHE: Parameter<u32> = Parameter::new("cache", "Cache", "Seconds").default(30).range(1, 3600).dynamic();
    static RATIO: Parameter<f64> = Parameter::new("ratio", "Ratio", "").range(0.0, 1.0);
    static NAME: Parameter<String> = Parameter::new("name", "Name", "").default("x").validate(|name| match name {
        "bad" => Err("must not be bad".to_owned()),
        _ => Ok(()),
    });

    fn reason(parameter: &dyn AnyParameter, value: gxfs_value) -> Option<String> {
        // SAFETY: each test below sets the member of its parameter's type.
        unsafe { parameter.check(&value) }.err().map(|refusal| format!("{} {}", refusal.value, refusal.reason))
    }

    #[test]
    fn a_range_includes_its_bounds_and_nothing_else() {
        for good in [1, 30, 3600] {
            assert_eq!(reason(&CACHE, gxfs_value { u32_: good }), None);
        }
        let refused = reason(&CACHE, gxfs_value { u32_: 3601 });
        assert_eq!(refused.as_deref(), Some("3601 it must be a whole number from 1 to 3600"));
        assert!(reason(&CACHE, gxfs_value { u32_: 0 }).is_some());
        assert!(reason(&RATIO, gxfs_value { f64_: f64::NAN }).is_some());
    }

    #[test]
    fn a_validation_gives_its_own_reason() {
        assert_eq!(reason(&NAME, gxfs_value { text: c"good".as_ptr() }), None);
        let refused = reason(&NAME, gxfs_value { text: c"bad".as_ptr() });
        assert_eq!(refused.as_deref(), Some("'bad' must not be bad"));
    }
}
