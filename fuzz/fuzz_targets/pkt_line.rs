//! Packets are refused or read; those that are read are written back as they came, but for the case of the digits.
#![no_main]

use futures_executor::block_on;
use libfuzzer_sys::fuzz_target;
use lyceum_git::wire::{Packet, PacketReader, PacketWriter};

fuzz_target!(|data: &[u8]| {
    block_on(async {
        let mut reader = PacketReader::new(data);
        let mut written = Vec::new();
        let mut writer = PacketWriter::new(&mut written);
        while let Ok(Some(packet)) = reader.next().await {
            let wrote = match packet {
                Packet::Data(content) => writer.data(content).await,
                Packet::Flush => writer.flush().await,
                Packet::Delim => writer.delim().await,
                Packet::ResponseEnd => writer.response_end().await,
            };
            wrote.expect("memory takes everything");
        }
        writer.send().await.expect("memory takes everything");
        assert!(written.len() <= data.len());
        assert!(data[..written.len()].eq_ignore_ascii_case(&written));
    });
});
