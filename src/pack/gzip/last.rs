//! Where a raw deflate stream's last block begins and ends (RFC 1951 §3.2), so that another stream can follow it.
//!
//! Blocks don't say how long they are: all symbols before have to be passed over. Only how many bits each takes is
//! looked up, without a branch on what it is, several literals at a time: a tenth of the time that it took to compress.

use super::huffman::{
    Code, DISTANCE, SIZE, Table, distance, is_end, is_special, literal_or_length, run_together, width,
};

/// A stream's last block, in bits from the start of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Last {
    /// Its header, whose first bit says that it is the last.
    pub header: usize,
    /// The bit behind it.
    pub end: usize,
}

/// In which order the lengths of the code of lengths come (RFC 1951 §3.2.7).
const ORDER: [u8; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// Finds last blocks; keeps its tables between streams.
pub(super) struct Finder {
    literals: Code,
    distances: Code,
    lengths: Code,
    single: Box<Table>,
    /// Steps at a literal or length, then at a distance.
    steps: Box<[u16; 2 * SIZE]>,
}

impl Finder {
    pub(super) fn new() -> Self {
        Finder {
            literals: Code::new(),
            distances: Code::new(),
            lengths: Code::new(),
            single: Box::new([0; SIZE]),
            steps: Box::new([0; 2 * SIZE]),
        }
    }

    /// The last block of `stream`; `None` unless that is a whole stream and nothing else.
    pub(super) fn find(&mut self, stream: &[u8]) -> Option<Last> {
        let mut bits = Bits::at(stream, 0);
        loop {
            let header = bits.place();
            bits.refill();
            let last = bits.take(1) == 1;
            match bits.take(2) {
                0 => bits = stored(bits)?,
                1 => {
                    self.fixed()?;
                    self.pass_over(&mut bits)?;
                }
                2 => {
                    self.dynamic(&mut bits)?;
                    self.pass_over(&mut bits)?;
                }
                _ => return None,
            }
            let end = bits.place();
            if last {
                return (end.div_ceil(8) == stream.len()).then_some(Last { header, end });
            }
            if end > stream.len() * 8 {
                return None;
            }
        }
    }

    /// The codes of RFC 1951 §3.2.6.
    fn fixed(&mut self) -> Option<()> {
        let mut lengths = [8; 288];
        lengths[144..256].fill(9);
        lengths[256..280].fill(7);
        self.codes(&lengths, &[5; 32])
    }

    /// Reads the codes of a block (RFC 1951 §3.2.7).
    fn dynamic(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        bits.refill();
        let literals = bits.take(5) as usize + 257;
        let all = literals + bits.take(5) as usize + 1;
        let mut lengths = [0; 19];
        let listed = bits.take(4) as usize + 4;
        for &symbol in ORDER.iter().take(listed) {
            bits.refill();
            *lengths.get_mut(usize::from(symbol))? = bits.take(3) as u8;
        }
        self.lengths.build(&lengths, &mut self.single, |_| 0)?;
        let mut lengths = [0; 320];
        let mut known = 0;
        while known < all {
            bits.refill();
            let (symbol, width) = self.lengths.symbol(bits.held)?;
            bits.skip(u32::from(width));
            let (value, times) = match symbol {
                0..=15 => (symbol as u8, 1),
                16 => (*lengths.get(known.checked_sub(1)?)?, 3 + bits.take(2)),
                17 => (0, 3 + bits.take(3)),
                _ => (0, 11 + bits.take(7)),
            };
            let end = known + times as usize;
            lengths.get_mut(known..end)?.fill(value);
            known = end;
        }
        let (literals, distances) = lengths.get(..all)?.split_at_checked(literals)?;
        (known == all).then_some(())?;
        self.codes(literals, distances)
    }

    fn codes(&mut self, literals: &[u8], distances: &[u8]) -> Option<()> {
        let (steps, at_distance) = self.steps.split_at_mut(SIZE);
        self.literals.build(literals, &mut self.single, literal_or_length)?;
        run_together(&self.single, steps.try_into().ok()?);
        self.distances.build(distances, at_distance.try_into().ok()?, distance)
    }

    /// Passes over the symbols of a block, its end included.
    fn pass_over(&self, bits: &mut Bits<'_>) -> Option<()> {
        let mut table = 0;
        while bits.next <= bits.bytes.len() + 8 {
            bits.refill();
            // A length and a distance take 48 bits at most, and 56 are there.
            for _ in 0..2 {
                let index = table | (bits.held as usize & (SIZE - 1));
                let mut entry = self.steps[index & (2 * SIZE - 1)];
                if is_special(entry) {
                    if !is_end(entry) {
                        entry = match table {
                            0 => self.literals.long(bits.held, literal_or_length)?,
                            _ => self.distances.long(bits.held, distance)?,
                        };
                    }
                    if is_end(entry) {
                        bits.skip(width(entry));
                        return Some(());
                    }
                }
                bits.skip(width(entry));
                table = usize::from(entry & DISTANCE);
            }
        }
        None
    }
}

/// Passes over a stored block.
fn stored(mut bits: Bits<'_>) -> Option<Bits<'_>> {
    bits.skip(bits.count % 8);
    bits.refill();
    let length = bits.take(16);
    (length ^ bits.take(16) == 0xffff).then_some(())?;
    let end = bits.place() / 8 + length as usize;
    (end <= bits.bytes.len()).then(|| Bits::at(bits.bytes, end))
}

/// The bits of a stream, from the lowest of each byte on; zeros behind its end.
struct Bits<'a> {
    bytes: &'a [u8],
    /// Where the next byte is read.
    next: usize,
    /// The next bits; those above `count` are right, but will be read again.
    held: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    fn at(bytes: &'a [u8], next: usize) -> Self {
        Bits {
            bytes,
            next,
            held: 0,
            count: 0,
        }
    }

    /// Makes it hold 56 bits or more.
    #[inline(always)]
    fn refill(&mut self) {
        let word = match self.bytes.get(self.next..).and_then(|rest| rest.first_chunk()) {
            Some(word) => u64::from_le_bytes(*word),
            None => self.tail(),
        };
        self.held |= word << self.count;
        self.next += ((63 - self.count) / 8) as usize;
        self.count |= 56;
    }

    #[cold]
    fn tail(&self) -> u64 {
        let mut word = [0; 8];
        let rest = self.bytes.get(self.next..).unwrap_or_default();
        word.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        u64::from_le_bytes(word)
    }

    #[inline(always)]
    fn skip(&mut self, bits: u32) {
        self.held >>= bits;
        self.count -= bits;
    }

    #[inline(always)]
    fn take(&mut self, bits: u32) -> u32 {
        let taken = (self.held & ((1 << bits) - 1)) as u32;
        self.skip(bits);
        taken
    }

    /// How many bits of the stream were taken.
    fn place(&self) -> usize {
        self.next * 8 - self.count as usize
    }
}
