//! As much MessagePack as a published actor needs, in the two generations of waSCC's wire format: A writes structs as
//! arrays and bytes as arrays of integers, B writes maps and binaries.
pub struct Reader<'a>(pub &'a [u8]);

pub type Read<T> = Result<T, String>;

fn bad<T>(what: &str) -> Read<T> {
    Err(format!("could not deserialize payload: {}", what))
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Read<&'a [u8]> {
        if length > self.0.len() {
            return bad("it ends too early");
        }
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self, bytes: usize) -> Read<u64> {
        Ok(self.take(bytes)?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    fn byte(&mut self) -> Read<u8> {
        Ok(self.take(1)?[0])
    }

    pub fn map(&mut self) -> Read<usize> {
        match self.byte()? {
            head @ 0x80..=0x8f => Ok(usize::from(head & 15)),
            0xde => Ok(self.number(2)? as usize),
            _ => bad("no map"),
        }
    }

    pub fn array(&mut self) -> Read<usize> {
        match self.byte()? {
            head @ 0x90..=0x9f => Ok(usize::from(head & 15)),
            0xdc => Ok(self.number(2)? as usize),
            0xdd => Ok(self.number(4)? as usize),
            _ => bad("no array"),
        }
    }

    pub fn text(&mut self) -> Read<String> {
        let length = match self.byte()? {
            head @ 0xa0..=0xbf => usize::from(head & 31),
            0xd9 => self.number(1)? as usize,
            0xda => self.number(2)? as usize,
            _ => return bad("no text"),
        };
        String::from_utf8(self.take(length)?.to_vec()).map_err(|error| error.to_string())
    }

    pub fn int(&mut self) -> Read<i64> {
        Ok(match self.byte()? {
            head @ 0..=0x7f => i64::from(head),
            head @ 0xe0..=0xff => i64::from(head as i8),
            0xcc => self.number(1)? as i64,
            0xcd => self.number(2)? as i64,
            0xce => self.number(4)? as i64,
            0xcf | 0xd3 => self.number(8)? as i64,
            0xd0 => i64::from(self.number(1)? as i8),
            0xd1 => i64::from(self.number(2)? as i16),
            0xd2 => i64::from(self.number(4)? as i32),
            _ => return bad("no integer"),
        })
    }

    pub fn boolean(&mut self) -> Read<bool> {
        match self.byte()? {
            0xc2 => Ok(false),
            0xc3 => Ok(true),
            _ => bad("no boolean"),
        }
    }

    /// Bytes of either generation.
    pub fn bytes(&mut self) -> Read<Vec<u8>> {
        match self.0.first() {
            Some(0xc4) => self.binary(1),
            Some(0xc5) => self.binary(2),
            Some(0xc6) => self.binary(4),
            _ => (0..self.array()?).map(|_| Ok(self.int()? as u8)).collect(),
        }
    }

    fn binary(&mut self, width: usize) -> Read<Vec<u8>> {
        self.byte()?;
        let length = self.number(width)? as usize;
        Ok(self.take(length)?.to_vec())
    }

    pub fn texts(&mut self) -> Read<Vec<(String, String)>> {
        (0..self.map()?).map(|_| Ok((self.text()?, self.text()?))).collect()
    }
}

/// Writes nothing longer than the actor does: counts up to 65535.
#[derive(Default)]
pub struct Writer(pub Vec<u8>);

impl Writer {
    fn head(&mut self, fixed: u8, most: usize, wide: u8, count: usize) {
        if count <= most {
            self.0.push(fixed | count as u8);
        } else {
            self.0.push(wide);
            self.0.extend_from_slice(&(count as u16).to_be_bytes());
        }
    }

    pub fn map(&mut self, count: usize) {
        self.head(0x80, 15, 0xde, count);
    }

    pub fn array(&mut self, count: usize) {
        self.head(0x90, 15, 0xdc, count);
    }

    pub fn text(&mut self, text: &str) {
        self.head(0xa0, 31, 0xda, text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    pub fn int(&mut self, value: u32) {
        match value {
            0..=0x7f => self.0.push(value as u8),
            0x80..=0xffff => {
                self.0.push(0xcd);
                self.0.extend_from_slice(&(value as u16).to_be_bytes());
            }
            _ => {
                self.0.push(0xce);
                self.0.extend_from_slice(&value.to_be_bytes());
            }
        }
    }

    pub fn binary(&mut self, bytes: &[u8]) {
        self.0.push(0xc5);
        self.0.extend_from_slice(&(bytes.len() as u16).to_be_bytes());
        self.0.extend_from_slice(bytes);
    }

    pub fn ints(&mut self, bytes: &[u8]) {
        self.array(bytes.len());
        for byte in bytes {
            self.int(u32::from(*byte));
        }
    }
}
