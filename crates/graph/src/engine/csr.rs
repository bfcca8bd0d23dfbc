//! Compressed rows: for each row a slice of numbers, all in one array.

/// Rows of `u32` values in one allocation (compressed sparse rows).
#[derive(Debug, Clone, Default)]
pub struct Csr {
    offsets: Vec<u32>,
    values: Vec<u32>,
}

impl Csr {
    /// Groups (row, value) pairs by row and keeps their order within a row: a counting sort, linear.
    pub(crate) fn from_pairs<I>(rows: usize, pairs: I) -> Self
    where
        I: Iterator<Item = (u32, u32)> + Clone,
    {
        let mut offsets = vec![0_u32; rows + 1];
        for (row, _) in pairs.clone() {
            offsets[row as usize + 1] += 1;
        }
        for row in 0..rows {
            offsets[row + 1] += offsets[row];
        }
        let mut next = offsets.clone();
        let mut values = vec![0_u32; offsets[rows] as usize];
        for (row, value) in pairs {
            let slot = &mut next[row as usize];
            values[*slot as usize] = value;
            *slot += 1;
        }
        Self { offsets, values }
    }

    pub(crate) fn from_parts(offsets: Vec<u32>, values: Vec<u32>) -> Self {
        debug_assert_eq!(offsets.last().copied().unwrap_or(0) as usize, values.len());
        Self { offsets, values }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// The values of a row.
    #[inline]
    pub fn row(&self, row: usize) -> &[u32] {
        &self.values[self.offsets[row] as usize..self.offsets[row + 1] as usize]
    }

    /// The positions of a row's values in [`Csr::values`].
    #[inline]
    pub fn range(&self, row: usize) -> std::ops::Range<usize> {
        self.offsets[row] as usize..self.offsets[row + 1] as usize
    }

    /// All values, row after row.
    #[inline]
    pub fn values(&self) -> &[u32] {
        &self.values
    }

    /// How many values a row has.
    #[inline]
    pub fn len_of(&self, row: usize) -> usize {
        (self.offsets[row + 1] - self.offsets[row]) as usize
    }
}
