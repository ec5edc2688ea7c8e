//! Congestion control: CUBIC (RFC 9438), in integers.
//!
//! After a loss the window falls to 7/10, then grows fast at first, slowly around the size at which the loss happened, then fast again
//! to look for more: a cubic function of the time since. So it does not depend on the round trip's time. Where Reno would be
//! faster, it does as Reno.

use crate::time::MILLISECOND_NS;

/// What is left of the window after a loss (RFC 9438, section 4.6), as a fraction.
const LEFT: (u64, u64) = (7, 10);
/// Reno's growth that on average has the same window with this reduction: 3 × (1 - 0.7) / (1 + 0.7) (RFC 9438, section 4.3).
const RENO: (u64, u64) = (9, 17);
/// Steps of a byte in which the estimate of Reno's window counts.
const STEPS: u64 = 1024;
/// Segments of the first window (RFC 6928).
const FIRST_SEGMENTS: u32 = 10;
/// No window is larger, in bytes: what window scaling can name (RFC 7323, section 2.3).
const LARGEST: u32 = 1 << 30;

/// How much may be on the way.
#[derive(Clone, Debug)]
pub struct Cubic {
    segment_bytes: u32,
    /// In bytes (cwnd).
    window: u32,
    /// From where on growth is careful (ssthresh), in bytes.
    threshold: u32,
    /// The window before the last loss (W_max), in bytes.
    before_loss: u32,
    /// When the current time of growth began; `None` before its first acknowledgment.
    epoch: Option<Epoch>,
    /// What Reno's window would be (W_est), in steps.
    reno: u64,
    /// What a loss changed, to undo it if it was none.
    undo: Option<(u32, u32, u32)>,
}

#[derive(Clone, Debug)]
struct Epoch {
    start_ns: u64,
    /// How long after `start_ns` the window is `before_loss` again (K), in milliseconds.
    rise_ms: u64,
    /// The window from which it rises, in bytes.
    origin: u32,
}

impl Cubic {
    /// A connection with nothing lost yet, and segments with at most `segment_bytes`.
    pub fn new(segment_bytes: u16) -> Self {
        let segment_bytes = u32::from(segment_bytes);
        Cubic {
            segment_bytes,
            window: FIRST_SEGMENTS * segment_bytes,
            threshold: LARGEST,
            before_loss: 0,
            epoch: None,
            reno: 0,
            undo: None,
        }
    }

    /// How many bytes may be on the way.
    pub fn window(&self) -> u32 {
        self.window
    }

    /// From how many bytes on growth is careful.
    pub fn threshold(&self) -> u32 {
        self.threshold
    }

    /// Sets the window, which recovery from a loss steers by itself.
    pub fn set_window(&mut self, bytes: u32) {
        self.window = bytes.clamp(self.segment_bytes, LARGEST);
    }

    /// Segments became smaller, or the other side named its limit.
    pub fn set_segment_bytes(&mut self, segment_bytes: u16) {
        let first = self.window == FIRST_SEGMENTS * self.segment_bytes && self.threshold == LARGEST;
        self.segment_bytes = u32::from(segment_bytes);
        if first {
            self.window = FIRST_SEGMENTS * self.segment_bytes;
        }
    }

    /// Whether the window grows with each acknowledgment by what it acknowledges.
    pub fn is_in_slow_start(&self) -> bool {
        self.window < self.threshold
    }

    /// The first window was too large: something of the handshake was lost (RFC 5681, section 3.1).
    pub fn begin_small(&mut self) {
        self.window = self.segment_bytes;
    }

    /// `bytes` were acknowledged while the window was what kept the sender from sending more.
    pub fn grow(&mut self, now_ns: u64, bytes: u32, round_trip_ns: u64) {
        if self.is_in_slow_start() {
            let step = bytes.min(self.threshold - self.window);
            self.window = (self.window + step).min(LARGEST);
        } else {
            self.avoid_congestion(now_ns, bytes, round_trip_ns);
        }
    }

    fn avoid_congestion(&mut self, now_ns: u64, bytes: u32, round_trip_ns: u64) {
        let window = self.window;
        if self.epoch.is_none() {
            self.before_loss = self.before_loss.max(window);
            self.reno = u64::from(window) * STEPS;
        }
        let epoch = self.epoch.get_or_insert_with(|| Epoch {
            start_ns: now_ns,
            rise_ms: rise_ms(self.before_loss - window, self.segment_bytes),
            origin: window,
        });
        let then_ms = (now_ns - epoch.start_ns + round_trip_ns) / MILLISECOND_NS;
        let target = cubic(then_ms, epoch.rise_ms, self.before_loss, self.segment_bytes)
            .clamp(u64::from(window), u64::from(window) * 3 / 2);
        let (bytes, segment_bytes) = (u64::from(bytes), u64::from(self.segment_bytes));
        let reno_step = STEPS * bytes * segment_bytes / u64::from(window);
        self.reno += match self.reno / STEPS >= u64::from(self.before_loss.max(epoch.origin)) {
            true => reno_step,
            false => reno_step * RENO.0 / RENO.1,
        };
        let step = bytes * (target - u64::from(window)) / u64::from(window);
        let grown = (u64::from(window) + step).max(self.reno / STEPS);
        self.window = grown.min(u64::from(LARGEST)) as u32;
    }

    /// Something was lost while `on_the_way` bytes were: sets the threshold (RFC 9438, section 4.6).
    pub fn reduce(&mut self, on_the_way: u32) {
        self.undo = Some((self.window, self.threshold, self.before_loss));
        // Fast convergence (section 4.7): who lost before reaching the last size again leaves room to new ones.
        self.before_loss = match self.window < self.before_loss {
            true => (u64::from(self.window) * (LEFT.0 + LEFT.1) / (2 * LEFT.1)) as u32,
            false => self.window,
        };
        let left = u64::from(self.window.min(on_the_way.max(self.window / 2))) * LEFT.0 / LEFT.1;
        self.threshold = (left as u32).max(2 * self.segment_bytes);
        self.epoch = None;
    }

    /// Nothing was lost, it was only late: as before `reduce`.
    pub fn undo(&mut self) {
        if let Some((window, threshold, before_loss)) = self.undo.take() {
            self.window = self.window.max(window);
            self.threshold = threshold;
            self.before_loss = before_loss;
            self.epoch = None;
        }
    }

    /// Nothing was sent for longer than a timeout: what is known of the path is old (RFC 5681, section 4.1).
    pub fn restart(&mut self) {
        self.window = self.window.min(FIRST_SEGMENTS * self.segment_bytes);
        self.epoch = None;
    }
}

/// Milliseconds until the window has grown by `bytes` (RFC 9438, equation 2, with C = 0.4 segments per second cubed).
fn rise_ms(bytes: u32, segment_bytes: u32) -> u64 {
    cube_root(u64::from(bytes) * 2_500_000_000 / u64::from(segment_bytes))
}

/// The window `then_ms` after the epoch began (RFC 9438, equation 1), in bytes.
fn cubic(then_ms: u64, rise_ms: u64, before_loss: u32, segment_bytes: u32) -> u64 {
    let distance = then_ms.abs_diff(rise_ms).min(1_000_000);
    let cube = u128::from(distance).pow(3);
    let bytes =
        (cube * 4 * u128::from(segment_bytes) / 10_000_000_000).min(u128::from(LARGEST)) as u64;
    match then_ms < rise_ms {
        true => u64::from(before_loss).saturating_sub(bytes),
        false => u64::from(before_loss) + bytes,
    }
}

/// The largest number whose cube is not above `value`.
fn cube_root(value: u64) -> u64 {
    let mut root = 0;
    for bit in (0..22).rev() {
        let larger = root | 1 << bit;
        if u128::from(larger).pow(3) <= u128::from(value) {
            root = larger;
        }
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SECOND_NS;

    const SEGMENT: u16 = 1000;

    #[test]
    fn cube_roots_are_rounded_down() {
        for root in [0, 1, 2, 77, 1000, 2_000_000] {
            assert_eq!(cube_root(root * root * root), root);
            assert_eq!(cube_root((root + 1).pow(3) - 1), root);
        }
    }

    #[test]
    fn slow_start_doubles_the_window_in_each_round_trip() {
        let mut cubic = Cubic::new(SEGMENT);
        let first = cubic.window();
        cubic.grow(0, first, 1);
        assert_eq!(cubic.window(), 2 * first);
    }

    #[test]
    fn a_loss_leaves_seven_tenths() {
        let mut cubic = Cubic::new(SEGMENT);
        cubic.set_window(100_000);
        cubic.reduce(100_000);
        assert_eq!(cubic.threshold(), 70_000);
    }

    #[test]
    fn what_was_no_loss_is_undone() {
        let mut cubic = Cubic::new(SEGMENT);
        cubic.set_window(100_000);
        cubic.reduce(100_000);
        cubic.set_window(1000);
        cubic.undo();
        assert_eq!(cubic.window(), 100_000);
        assert!(cubic.is_in_slow_start());
    }

    /// Acknowledges windows of a path with `round_trip_ns` for `seconds`, and returns the window each second.
    fn run(cubic: &mut Cubic, round_trip_ns: u64, seconds: u64) -> alloc::vec::Vec<u32> {
        let mut windows = alloc::vec::Vec::new();
        let mut now_ns = 0;
        for second in 1..=seconds {
            while now_ns < second * SECOND_NS {
                let round = cubic.window();
                for _ in 0..round / 2000 {
                    cubic.grow(now_ns, 2000, round_trip_ns);
                }
                now_ns += round_trip_ns;
            }
            windows.push(cubic.window());
        }
        windows
    }

    #[test]
    fn the_old_window_comes_back_when_the_equation_says() {
        // RFC 9438, section 4.2: K is the cube root of 300 segments / 0.4, which is 9.08 s.
        let mut cubic = Cubic::new(SEGMENT);
        cubic.set_window(1_000_000);
        cubic.reduce(1_000_000);
        cubic.set_window(cubic.threshold());
        let windows = run(&mut cubic, 100 * MILLISECOND_NS, 14);
        assert!((980_000..=1_001_000).contains(&windows[8]), "{windows:?}");
        // Flat around the old size, then faster and faster.
        let growth = |second: usize| windows[second] - windows[second - 1];
        assert!(growth(8) < growth(2) / 4 && growth(13) > 4 * growth(9), "{windows:?}");
    }

    #[test]
    fn on_short_paths_it_grows_as_reno_does() {
        let mut cubic = Cubic::new(SEGMENT);
        cubic.set_window(100_000);
        cubic.reduce(100_000);
        cubic.set_window(cubic.threshold());
        // 9/17 of a segment for each of 1000 round trips, up to the old window, and then a segment.
        let window = run(&mut cubic, MILLISECOND_NS, 1)[0];
        assert!((900_000..1_100_000).contains(&window), "{window}");
    }
}
