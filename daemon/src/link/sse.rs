//! Server-sent events: the stream's lines put together (WHATWG HTML, section 9.2.6), bounded.

use std::time::Duration;

/// The longest line and the longest data that a stream may bring; our events are far shorter.
const LONGEST: usize = 16 * 1024;

/// What a stream brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Frame {
    /// An event.
    Message {
        /// Its `id:`, or the last one before it.
        id: Option<String>,
        /// Its data lines, joined by line feeds.
        data: String,
    },
    /// How long the service wants a client to wait before it reconnects.
    Retry(Duration),
}

/// The stream exceeds what we are willing to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is longer than {LONGEST} octets")]
pub(super) struct Oversized;

/// Puts a stream's octets, however they are cut, together again.
#[derive(Debug, Default)]
pub(super) struct Parser {
    line: Vec<u8>,
    after_carriage_return: bool,
    data: String,
    has_data: bool,
    id: Option<String>,
}

impl Parser {
    /// Takes the next octets, and returns what they completed.
    pub(super) fn push(&mut self, octets: &[u8]) -> Result<Vec<Frame>, Oversized> {
        let mut frames = Vec::new();
        for &octet in octets {
            let after_carriage_return = std::mem::take(&mut self.after_carriage_return);
            match octet {
                b'\n' if after_carriage_return => {}
                b'\n' | b'\r' => {
                    self.after_carriage_return = octet == b'\r';
                    let line = std::mem::take(&mut self.line);
                    frames.extend(self.end_line(&line)?);
                }
                _ if self.line.len() == LONGEST => return Err(Oversized),
                _ => self.line.push(octet),
            }
        }
        Ok(frames)
    }

    fn end_line(&mut self, line: &[u8]) -> Result<Option<Frame>, Oversized> {
        if line.is_empty() {
            return Ok(self.end_event());
        }
        let line = String::from_utf8_lossy(line);
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => self.add_data(value)?,
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            "retry" => {
                let wait = value.parse().ok().map(Duration::from_millis);
                return Ok(wait.map(Frame::Retry));
            }
            // Comments (an empty field), `event:`, which our data repeats, and the unknown.
            _ => {}
        }
        Ok(None)
    }

    fn add_data(&mut self, value: &str) -> Result<(), Oversized> {
        if self.data.len() + value.len() >= LONGEST {
            return Err(Oversized);
        }
        if self.has_data {
            self.data.push('\n');
        }
        self.has_data = true;
        self.data.push_str(value);
        Ok(())
    }

    fn end_event(&mut self) -> Option<Frame> {
        let data = std::mem::take(&mut self.data);
        std::mem::take(&mut self.has_data).then(|| Frame::Message {
            id: self.id.clone(),
            data,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = ": welcome\nretry: 2500\n\nid: 7\nevent: offered\ndata: {\"a\":\ndata: 1}\n\n\
                          data:x\r\n\r\nid: 8\rdata\r\r";

    fn expected() -> Vec<Frame> {
        let message = |id: &str, data: &str| Frame::Message {
            id: Some(id.to_owned()),
            data: data.to_owned(),
        };
        vec![
            Frame::Retry(Duration::from_millis(2500)),
            message("7", "{\"a\":\n1}"),
            message("7", "x"),
            message("8", ""),
        ]
    }

    #[test]
    fn reads_a_stream_in_one_piece() {
        assert_eq!(
            Parser::default().push(STREAM.as_bytes()).unwrap(),
            expected()
        );
    }

    #[test]
    fn reads_the_same_from_single_octets() {
        let mut parser = Parser::default();
        let frames: Vec<_> = STREAM
            .as_bytes()
            .chunks(1)
            .flat_map(|octet| parser.push(octet).unwrap())
            .collect();
        assert_eq!(frames, expected());
    }

    #[test]
    fn refuses_to_hold_an_endless_line_or_event() {
        assert_eq!(Parser::default().push(&[b'x'; LONGEST + 1]), Err(Oversized));
        let mut parser = Parser::default();
        let line = format!("data: {}\n", "x".repeat(1000));
        assert!((0..20).any(|_| parser.push(line.as_bytes()).is_err()));
    }
}
