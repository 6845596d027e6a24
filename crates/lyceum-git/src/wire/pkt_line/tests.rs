//! Packets as git frames them, and what is refused.

use super::*;
use crate::ErrorKind;
use crate::testing::block_on;

/// Reads everything, each packet as text, and the message of the error that ends it.
fn read(mut input: &[u8]) -> Vec<String> {
    block_on(async {
        let mut reader = PacketReader::new(&mut input);
        let mut found = Vec::new();
        loop {
            match reader.next().await {
                Ok(None) => return found,
                Ok(Some(Packet::Data(data))) => found.push(data.escape_ascii().to_string()),
                Ok(Some(packet)) => found.push(format!("{packet:?}")),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Protocol);
                    found.push(error.to_string());
                    return found;
                }
            }
        }
    })
}

#[test]
fn reads_packets() {
    assert_eq!(read(b""), [""; 0]);
    assert_eq!(
        read(b"0006a\n0004000000010002000BFoobar\n"),
        ["a\\n", "", "Flush", "Delim", "ResponseEnd", "Foobar\\n"]
    );
}

#[test]
fn refuses_what_is_no_packet() {
    assert_eq!(read(b"0003"), ["protocol error: bad line length 3"]);
    assert_eq!(read(b"fff1"), ["protocol error: bad line length 65521"]);
    assert_eq!(read(b"00 6a\n"), ["protocol error: bad line length character: 00 6"]);
    assert_eq!(read(b"+006a\n"), ["protocol error: bad line length character: +006"]);
    assert_eq!(read(b"00"), ["the remote end hung up unexpectedly"]);
    assert_eq!(read(b"0006a"), ["the remote end hung up unexpectedly"]);
}

#[test]
fn reads_nothing_beyond_a_packet() {
    let mut input = &b"0005aPACK"[..];
    block_on(async {
        let mut reader = PacketReader::new(&mut input);
        assert_eq!(reader.next().await.unwrap(), Some(Packet::Data(b"a")));
    });
    assert_eq!(input, b"PACK");
}

#[test]
fn writes_packets() {
    let mut output = Vec::new();
    block_on(async {
        let mut writer = PacketWriter::new(&mut output);
        writer.line("hello").await.unwrap();
        writer.data(b"").await.unwrap();
        writer.delim().await.unwrap();
        writer.flush().await.unwrap();
        writer.response_end().await.unwrap();
        Sideband::Large.write(&mut writer, Band::Progress, b"x").await.unwrap();
        writer.send().await.unwrap();
    });
    assert_eq!(output, b"000ahello\n00040001000000020006\x02x");
}

#[test]
fn cuts_data_into_packets_that_the_other_side_takes() {
    let data: Vec<u8> = (0..200_000_u32).map(|i| i.to_le_bytes()[0]).collect();
    for (sideband, longest) in [(Sideband::Small, 996), (Sideband::Large, 65516)] {
        let mut output = Vec::new();
        let received = block_on(async {
            let mut writer = PacketWriter::new(&mut output);
            sideband.write(&mut writer, Band::Data, &data).await.unwrap();
            sideband.write(&mut writer, Band::Error, b"no").await.unwrap();
            writer.send().await.unwrap();
            let mut reader = PacketReader::new(&output[..]);
            let mut bands = [const { Vec::new() }; 4];
            while let Some(packet) = reader.next().await.unwrap() {
                let Packet::Data(packet) = packet else { panic!("{packet:?}") };
                assert!(packet.len() <= longest);
                bands[usize::from(packet[0])].extend_from_slice(&packet[1..]);
            }
            bands
        });
        assert_eq!(received[1], data);
        assert_eq!(received[3], b"no");
    }
    let mut output = Vec::new();
    block_on(async {
        let mut writer = PacketWriter::new(&mut output);
        Sideband::None.write(&mut writer, Band::Progress, b"gone").await.unwrap();
        Sideband::None.write(&mut writer, Band::Data, b"kept").await.unwrap();
        writer.send().await.unwrap();
    });
    assert_eq!(output, b"kept");
}
