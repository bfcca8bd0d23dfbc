//! Coins that depend on nothing but (seed, cause, world): the order of asking does not matter.

/// SplitMix64's finaliser (Steele, Lea, Flood 2014): every input bit moves every output bit.
#[inline]
fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// The coins of one cause.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Coin {
    stream: u64,
    /// The binary digits of the likelihood, the half first.
    digits: u64,
    certain: bool,
}

impl Coin {
    /// The likelihood is used with 64 binary digits; outside [0, 1] it is clamped.
    #[inline]
    pub(crate) fn new(seed: u64, cause: u32, likelihood: f64) -> Self {
        let stream = mix(mix(seed.wrapping_add(STEP)) ^ u64::from(cause).wrapping_mul(STEP));
        let digits = if likelihood > 0.0 { (likelihood * 18_446_744_073_709_551_616.0) as u64 } else { 0 };
        Self { stream, digits, certain: likelihood >= 1.0 }
    }

    /// The outcomes in worlds `64 · word` to `64 · word + 63`, one bit each.
    ///
    /// A world's coin shows when a random binary fraction lies below the likelihood. The fractions of the
    /// 64 worlds are compared digit by digit, all at once, until no world is undecided: eight draws for
    /// 64 coins on average instead of 64.
    #[inline]
    pub(crate) fn word(self, word: u32) -> u64 {
        if self.certain {
            return u64::MAX;
        }
        let start = self.stream.wrapping_add((u64::from(word) * 64).wrapping_mul(STEP));
        let mut undecided = u64::MAX;
        let mut shows = 0;
        let mut digits = self.digits;
        let mut draw = start;
        while undecided != 0 && digits != 0 {
            draw = draw.wrapping_add(STEP);
            let random = mix(draw);
            if digits >> 63 == 1 {
                shows |= undecided & !random;
                undecided &= random;
            } else {
                undecided &= !random;
            }
            digits <<= 1;
        }
        shows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coins_show_as_often_as_their_likelihood_says() {
        for likelihood in [0.0, 1e-3, 0.25, 0.3, 0.5, 0.9, 0.999, 1.0] {
            let mut shown = 0_u32;
            let (causes, words) = (64, 256);
            for cause in 0..causes {
                let coin = Coin::new(11, cause, likelihood);
                shown += (0..words).map(|word| coin.word(word).count_ones()).sum::<u32>();
            }
            let count = f64::from(causes * words * 64);
            let error = (likelihood * (1.0 - likelihood) / count).sqrt();
            let share = f64::from(shown) / count;
            assert!((share - likelihood).abs() <= 4.5 * error, "{likelihood}: {share} ± {error}");
        }
    }

    #[test]
    fn coins_of_two_causes_and_of_two_seeds_are_independent() {
        let together = |left: Coin, right: Coin| -> f64 {
            let both: u32 = (0..4_096).map(|word| (left.word(word) & right.word(word)).count_ones()).sum();
            f64::from(both) / (4_096.0 * 64.0)
        };
        let error = (0.25_f64 * 0.75 / (4_096.0 * 64.0)).sqrt();
        for cause in 1..50 {
            assert!((together(Coin::new(1, 0, 0.5), Coin::new(1, cause, 0.5)) - 0.25).abs() < 5.0 * error);
            assert!(
                (together(Coin::new(1, 0, 0.5), Coin::new(1 + u64::from(cause), 0, 0.5)) - 0.25).abs()
                    < 5.0 * error
            );
        }
    }
}
