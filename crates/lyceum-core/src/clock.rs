//! Time, injected so that tests decide it.

use std::fmt;
use std::sync::Arc;

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Returns whole seconds since the epoch.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Returns the time `seconds` later.
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1000)))
    }

    /// Returns the day, `YYYY-MM-DD`, in UTC.
    pub fn day(self) -> String {
        let date = self.utc().date();
        format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
    }

    /// Returns the `Date`-style form of HTTP headers (RFC 9110 §5.6.7).
    pub fn http_date(self) -> String {
        let utc = self.utc();
        let (weekday, month) = (utc.weekday().to_string(), utc.month().to_string());
        let (hour, minute, second) = utc.to_hms();
        format!(
            "{}, {:02} {} {:04} {hour:02}:{minute:02}:{second:02} GMT",
            &weekday[..3],
            utc.day(),
            &month[..3],
            utc.year()
        )
    }

    fn utc(self) -> time::OffsetDateTime {
        let nanoseconds = i128::from(self.0) * 1_000_000;
        time::OffsetDateTime::from_unix_timestamp_nanos(nanoseconds)
            .unwrap_or(time::OffsetDateTime::UNIX_EPOCH)
    }
}

/// ISO 8601 with milliseconds and `Z`, the only form that the clients parse.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hour, minute, second, milli) = self.utc().to_hms_milli();
        write!(f, "{}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z", self.day())
    }
}

/// Tells the time; cheap to clone.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// Returns the machine's wall clock.
    pub fn system() -> Self {
        Self(Arc::new(|| {
            #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
            let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            Timestamp(since.map_or(0, |elapsed| i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)))
        }))
    }

    /// Returns a clock that asks `now`, for tests.
    pub fn from_fn(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// Returns the current time.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
