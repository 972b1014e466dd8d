//! Huffman codes of deflate (RFC 1951 §3.2.2), as tables of how far to move on: nothing is decoded here.

/// Bits that index a table; longer codes are looked up bit by bit.
const INDEX: u32 = 10;

/// Entries of a table.
pub(super) const SIZE: usize = 1 << INDEX;

/// What stands at the next bits. From the low end: six bits, how many bits to move on, extra bits included; four, how
/// many of them are the code; [`DISTANCE`]; two, [`END`] or [`NONE`].
pub(super) type Entry = u16;

/// After this symbol comes one of the distance code.
pub(super) const DISTANCE: Entry = SIZE as Entry;

/// The block ends.
pub(super) const END: Entry = 3 << 14;

/// Not in the table: a longer code, or none at all.
pub(super) const NONE: Entry = 1 << 14;

/// What is neither a symbol to pass over.
const SPECIAL: Entry = 3 << 14;

/// A table, indexed by the next bits.
pub(super) type Table = [Entry; SIZE];

/// A canonical code.
pub(super) struct Code {
    /// How many codes have each length.
    counts: [u16; 16],
    /// The symbols in the order of their codes.
    symbols: [u16; 320],
}

impl Code {
    pub(super) fn new() -> Self {
        Code {
            counts: [0; 16],
            symbols: [0; 320],
        }
    }

    /// Takes up the code of which symbol `i` has `lengths[i]` bits; `entry` gives what follows a symbol. `None` if more
    /// codes are asked for than there are.
    pub(super) fn build(&mut self, lengths: &[u8], table: &mut Table, entry: fn(u16) -> Entry) -> Option<()> {
        self.counts = [0; 16];
        for &length in lengths.iter().filter(|length| **length > 0) {
            *self.counts.get_mut(usize::from(length))? += 1;
        }
        let (mut starts, mut codes) = ([0u16; 17], [0u32; 16]);
        let mut code = 0;
        for length in 1..16 {
            code = (code + u32::from(self.counts[length - 1])) << 1;
            codes[length] = code;
            starts[length + 1] = starts[length] + self.counts[length];
            if code + u32::from(self.counts[length]) > 1 << length {
                return None;
            }
        }
        table.fill(NONE);
        for (symbol, &bits) in lengths.iter().enumerate().filter(|(_, bits)| **bits > 0) {
            let (symbol, length) = (symbol as u16, usize::from(bits));
            *self.symbols.get_mut(usize::from(starts[length]))? = symbol;
            starts[length] += 1;
            // Codes are packed from their first bit on, tables indexed from the lowest bit on.
            let first = (codes[length].reverse_bits() >> (32 - u32::from(bits))) as usize;
            codes[length] += 1;
            if u32::from(bits) <= INDEX {
                let entry = with_code(entry(symbol), bits);
                let every = table.get_mut(first..)?.iter_mut().step_by(1 << length);
                every.for_each(|slot| *slot = entry);
            }
        }
        Some(())
    }

    /// The symbol at the next bits, found bit by bit, and how many it takes.
    pub(super) fn symbol(&self, bits: u64) -> Option<(u16, u8)> {
        let (mut code, mut first, mut index) = (0, 0, 0);
        for length in 1..16u8 {
            code |= (bits >> (length - 1)) as usize & 1;
            let count = usize::from(self.counts[usize::from(length)]);
            if code < first + count {
                return Some((*self.symbols.get(index + code - first)?, length));
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        None
    }

    /// What stands at the next bits, where the table has [`NONE`].
    #[cold]
    pub(super) fn long(&self, bits: u64, entry: fn(u16) -> Entry) -> Option<Entry> {
        let (symbol, length) = self.symbol(bits)?;
        Some(with_code(entry(symbol), length)).filter(|entry| *entry != NONE)
    }
}

fn with_code(entry: Entry, bits: u8) -> Entry {
    match entry {
        NONE => NONE,
        _ => entry + Entry::from(bits) + (Entry::from(bits) << 6 & 0x3c0),
    }
}

/// The entry of a symbol of the literal and length code, without its code's bits.
pub(super) fn literal_or_length(symbol: u16) -> Entry {
    match symbol {
        0..=255 => 0,
        256 => END,
        257..=264 | 285 => DISTANCE,
        265..=284 => DISTANCE + (symbol - 261) / 4,
        _ => NONE,
    }
}

/// The entry of a symbol of the distance code.
pub(super) fn distance(symbol: u16) -> Entry {
    match symbol {
        0..=3 => 0,
        4..=29 => symbol / 2 - 1,
        _ => NONE,
    }
}

/// How many bits to move on.
#[inline(always)]
pub(super) fn width(entry: Entry) -> u32 {
    u32::from(entry & 0x3f)
}

/// Whether it is [`END`] or [`NONE`].
#[inline(always)]
pub(super) fn is_special(entry: Entry) -> bool {
    entry & SPECIAL != 0
}

/// Whether the block ends here.
pub(super) fn is_end(entry: Entry) -> bool {
    entry & SPECIAL == END
}

/// Makes one step of several literals, and of the length after them, where all their codes are within the index.
pub(super) fn run_together(single: &Table, together: &mut Table) {
    let code_bits = |entry: Entry| u32::from(entry >> 6 & 15);
    for (index, slot) in together.iter_mut().enumerate() {
        let mut sum = single[index];
        let mut known = code_bits(sum);
        while sum & (SPECIAL | DISTANCE) == 0 {
            let next = single[index >> known];
            known += code_bits(next);
            if is_special(next) || known > INDEX {
                break;
            }
            sum = (sum & 0x3f) + (next & (DISTANCE | 0x3f));
        }
        *slot = sum;
    }
}
