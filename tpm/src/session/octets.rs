//! Commands and responses as they travel (TPM 2.0 Part 1 section 18, Part 3 section 5).

use zeroize::Zeroizing;

const NO_SESSIONS: u16 = 0x8001;
const SESSIONS: u16 = 0x8002;

/// What authorizes a command, or encrypts for it, as it travels.
pub(super) struct Authorization {
    pub(super) session: u32,
    pub(super) nonce: Vec<u8>,
    pub(super) attributes: u8,
    pub(super) hmac: Vec<u8>,
}

/// What a session says in a response.
pub(super) struct Acknowledgment {
    pub(super) nonce: Vec<u8>,
    pub(super) attributes: u8,
    pub(super) hmac: Vec<u8>,
}

/// A response without an error.
pub(super) struct Response {
    /// The handle, where the command returns one.
    pub(super) handle: Option<u32>,
    pub(super) parameters: Zeroizing<Vec<u8>>,
    pub(super) sessions: Vec<Acknowledgment>,
}

/// A `TPM2B`: its size in two octets, then the octets.
pub(super) fn sized(octets: &[u8]) -> Vec<u8> {
    // Every structure of ours is shorter than 64 KiB.
    let mut sized = (octets.len() as u16).to_be_bytes().to_vec();
    sized.extend_from_slice(octets);
    sized
}

/// Writes a command.
pub(super) fn command(
    code: u32,
    handles: &[u32],
    authorizations: &[Authorization],
    parameters: &[u8],
) -> Vec<u8> {
    let mut body: Vec<u8> = handles
        .iter()
        .flat_map(|handle| handle.to_be_bytes())
        .collect();
    if !authorizations.is_empty() {
        let area: Vec<u8> = authorizations.iter().flat_map(authorization).collect();
        body.extend((area.len() as u32).to_be_bytes());
        body.extend(area);
    }
    body.extend_from_slice(parameters);
    let tag = if authorizations.is_empty() {
        NO_SESSIONS
    } else {
        SESSIONS
    };
    let mut command = tag.to_be_bytes().to_vec();
    command.extend((body.len() as u32 + 10).to_be_bytes());
    command.extend(code.to_be_bytes());
    command.extend(body);
    command
}

fn authorization(authorization: &Authorization) -> Vec<u8> {
    let mut octets = authorization.session.to_be_bytes().to_vec();
    octets.extend(sized(&authorization.nonce));
    octets.push(authorization.attributes);
    octets.extend(sized(&authorization.hmac));
    octets
}

/// The response code of a response; `None` if it is none.
pub(super) fn response_code(octets: &[u8]) -> Option<u32> {
    let mut reader = Reader(octets);
    reader.number::<2>()?;
    let size = reader.number::<4>()?;
    let code = reader.number::<4>()?;
    (size == octets.len() as u64)
        .then(|| u32::try_from(code).ok())
        .flatten()
}

/// Reads a response that says success.
pub(super) fn response(octets: &[u8], has_handle: bool) -> Option<Response> {
    let mut reader = Reader(octets);
    let with_sessions = match u16::try_from(reader.number::<2>()?).ok()? {
        NO_SESSIONS => false,
        SESSIONS => true,
        _ => return None,
    };
    reader.take(8)?;
    let handle = match has_handle {
        true => Some(u32::try_from(reader.number::<4>()?).ok()?),
        false => None,
    };
    let length = match with_sessions {
        true => usize::try_from(reader.number::<4>()?).ok()?,
        false => reader.0.len(),
    };
    let parameters = Zeroizing::new(reader.take(length)?.to_vec());
    let mut sessions = Vec::new();
    while !reader.0.is_empty() {
        sessions.push(Acknowledgment {
            nonce: reader.sized()?.to_vec(),
            attributes: u8::try_from(reader.number::<1>()?).ok()?,
            hmac: reader.sized()?.to_vec(),
        });
    }
    Some(Response {
        handle,
        parameters,
        sessions,
    })
}

/// Takes octets from the front.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    /// The next octets.
    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// A number of `N` octets, at most eight.
    pub(super) fn number<const N: usize>(&mut self) -> Option<u64> {
        let octets = self.take(N)?;
        Some(
            octets
                .iter()
                .fold(0, |number, octet| number << 8 | u64::from(*octet)),
        )
    }

    /// A `TPM2B`.
    pub(super) fn sized(&mut self) -> Option<&'a [u8]> {
        let length = self.number::<2>()?;
        self.take(usize::try_from(length).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // FlushContext as Part 3 section 28.4 lays it out.
    #[test]
    fn a_command_without_sessions() {
        assert_eq!(
            command(0x165, &[], &[], &0x0200_0000u32.to_be_bytes()),
            [0x80, 1, 0, 0, 0, 14, 0, 0, 1, 0x65, 2, 0, 0, 0]
        );
    }

    #[test]
    fn a_command_with_a_session() {
        let password = Authorization {
            session: 0x4000_0009,
            nonce: Vec::new(),
            attributes: 1,
            hmac: vec![7],
        };
        assert_eq!(
            command(0x157, &[0x8100_0001], &[password], &[9, 9]),
            [
                0x80, 2, 0, 0, 0, 30, 0, 0, 1, 0x57, 0x81, 0, 0, 1, 0, 0, 0, 10, 0x40, 0, 0, 9, 0,
                0, 1, 0, 1, 7, 9, 9
            ]
        );
    }

    #[test]
    fn responses_are_read_and_torn_ones_refused() {
        let octets = [
            0x80, 2, 0, 0, 0, 24, 0, 0, 0, 0, 0, 0, 0, 2, 5, 6, 0, 2, 1, 2, 1, 0, 1, 7,
        ];
        assert_eq!(response_code(&octets), Some(0));
        let read = response(&octets, false).unwrap();
        assert_eq!(*read.parameters, [5, 6]);
        assert_eq!(read.sessions[0].nonce, [1, 2]);
        assert_eq!(read.sessions[0].hmac, [7]);
        for length in 0..octets.len() {
            assert_eq!(response_code(&octets[..length]), None);
            assert!(length <= 16 || response(&octets[..length], false).is_none());
        }
        assert_eq!(
            response_code(&[0x80, 1, 0, 0, 0, 10, 0, 0, 9, 0xa2]),
            Some(0x9a2)
        );
    }
}
