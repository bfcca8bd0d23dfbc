//! Coins that depend on nothing but (seed, cause, world): the order of asking does not matter.

/// SplitMix64's finaliser (Steele, Lea, Flood 2014): every input bit moves every output bit.
#[inline]
fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// A cheaper mixing for the draws of one stream, whose start is mixed well: the high and low halves of a
/// product, folded (the principle of wyrand; Wang Yi 2019).
#[inline]
fn draw(value: u64) -> u64 {
    let product = u128::from(value) * u128::from(value ^ 0xe703_7ed1_a0b4_28db);
    (product >> 64) as u64 ^ product as u64
}

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A seed, mixed once so that neighbouring seeds have nothing in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seed(u64);

impl Seed {
    pub(crate) fn new(seed: u64) -> Self {
        Self(mix(seed.wrapping_add(STEP)))
    }
}

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
    pub(crate) fn new(seed: Seed, cause: u32, likelihood: f64) -> Self {
        let stream = mix(seed.0 ^ u64::from(cause).wrapping_mul(STEP));
        let digits = if likelihood > 0.0 { (likelihood * 18_446_744_073_709_551_616.0) as u64 } else { 0 };
        Self { stream, digits, certain: likelihood >= 1.0 }
    }

    /// The outcomes in worlds `64 · word` to `64 · word + 63`, one bit each, for the `wanted` worlds; the
    /// bits of the others are 0. What is wanted does not change the outcome of a world.
    #[inline]
    pub(crate) fn word(self, word: u32, wanted: u64) -> u64 {
        self.words(word, &[wanted])[0]
    }

    /// The same for several words from `first` on.
    ///
    /// A world's coin shows when a random binary fraction lies below the likelihood. The fractions of all
    /// worlds are compared digit by digit, at once, until no world is undecided: about ten draws for the 64
    /// coins of a word instead of 64.
    #[inline]
    pub(crate) fn words<const WORDS: usize>(self, first: u32, wanted: &[u64; WORDS]) -> [u64; WORDS] {
        if self.certain {
            return *wanted;
        }
        // Sixty-four draws are set apart for each word, one for each digit.
        let first = (u64::from(first) * 64).wrapping_mul(STEP).wrapping_add(self.stream);
        let mut draws: [u64; WORDS] =
            std::array::from_fn(|word| first.wrapping_add((word as u64 * 64).wrapping_mul(STEP)));
        let mut undecided = *wanted;
        let mut shows = [0; WORDS];
        let mut digits = self.digits;
        while digits != 0 && undecided.iter().fold(0, |any, word| any | word) != 0 {
            let digit = 0_u64.wrapping_sub(digits >> 63);
            for word in 0..WORDS {
                draws[word] = draws[word].wrapping_add(STEP);
                // Where the random digit differs from the likelihood's, the smaller is decided.
                let differs = undecided[word] & (draw(draws[word]) ^ digit);
                shows[word] |= differs & digit;
                undecided[word] ^= differs;
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
                let coin = Coin::new(Seed::new(11), cause, likelihood);
                shown += (0..words).map(|word| coin.word(word, u64::MAX).count_ones()).sum::<u32>();
            }
            let count = f64::from(causes * words * 64);
            let error = (likelihood * (1.0 - likelihood) / count).sqrt();
            let share = f64::from(shown) / count;
            assert!((share - likelihood).abs() <= 4.5 * error, "{likelihood}: {share} ± {error}");
        }
    }

    #[test]
    fn what_is_wanted_does_not_change_the_outcome() {
        for likelihood in [0.0, 0.3, 0.7, 1.0] {
            for word in 0..200 {
                let coin = Coin::new(Seed::new(3), 5, likelihood);
                let wanted = Coin::new(Seed::new(4), 6, 0.2).word(word, u64::MAX);
                assert_eq!(coin.word(word, wanted), coin.word(word, u64::MAX) & wanted);
                let three = [coin.word(word, wanted), coin.word(word + 1, 0), coin.word(word + 2, u64::MAX)];
                assert_eq!(coin.words(word, &[wanted, 0, u64::MAX]), three);
            }
        }
    }

    #[test]
    fn coins_of_two_causes_and_of_two_seeds_are_independent() {
        let together = |left: Coin, right: Coin| -> f64 {
            let both: u32 = (0..4_096)
                .map(|word| (left.word(word, u64::MAX) & right.word(word, u64::MAX)).count_ones())
                .sum();
            f64::from(both) / (4_096.0 * 64.0)
        };
        let error = (0.25_f64 * 0.75 / (4_096.0 * 64.0)).sqrt();
        for cause in 1..50 {
            assert!(
                (together(Coin::new(Seed::new(1), 0, 0.5), Coin::new(Seed::new(1), cause, 0.5)) - 0.25).abs()
                    < 5.0 * error
            );
            assert!(
                (together(
                    Coin::new(Seed::new(1), 0, 0.5),
                    Coin::new(Seed::new(1 + u64::from(cause)), 0, 0.5)
                ) - 0.25)
                    .abs()
                    < 5.0 * error
            );
        }
    }
}
