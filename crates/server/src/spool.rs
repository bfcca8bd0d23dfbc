//! Bodies of requests into temporary files, so that memory does not grow with them.

use std::io::{Seek, Write};
use std::pin::Pin;

use axum::body::{Body, Bytes, HttpBody};
use tempfile::NamedTempFile;
use tokio::sync::mpsc;

use crate::codes;
use crate::problem::Fault;

/// The largest body that is taken, in bytes.
pub(crate) const CAP: u64 = 64 << 20;
/// Pieces that wait to be written while the disk is slow.
const WAITING: usize = 8;

/// Takes a body up to `cap` bytes; the file goes away when it is dropped.
pub(crate) async fn spool(mut body: Body, cap: u64) -> Result<NamedTempFile, Fault> {
    // A body that says how large it is need not be read to be refused.
    if body.size_hint().lower() > cap {
        return Err(too_large(cap));
    }
    let (sender, receiver) = mpsc::channel(WAITING);
    let writer = tokio::task::spawn_blocking(move || write(receiver));
    let mut taken = 0;
    while let Some(frame) = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame = frame.map_err(|error| {
            Fault::new(codes::INVALID_REQUEST, format!("the body ended before its end: {error}"))
        })?;
        let Ok(piece) = frame.into_data() else { continue };
        taken += piece.len() as u64;
        if taken > cap {
            return Err(too_large(cap));
        }
        if sender.send(piece).await.is_err() {
            // The writer has stopped; it says why below.
            break;
        }
    }
    drop(sender);
    match writer.await {
        Ok(Ok(file)) => Ok(file),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::StorageFull => {
            Err(Fault::new(codes::STORE_FULL, "there is no room for the body in the temporary folder"))
        }
        Ok(Err(error)) => Err(Fault::internal(error)),
        Err(error) => Err(Fault::internal(error)),
    }
}

fn write(mut receiver: mpsc::Receiver<Bytes>) -> std::io::Result<NamedTempFile> {
    let mut file = NamedTempFile::new()?;
    while let Some(piece) = receiver.blocking_recv() {
        file.write_all(&piece)?;
    }
    file.rewind()?;
    Ok(file)
}

fn too_large(cap: u64) -> Fault {
    Fault::new(
        codes::BODY_TOO_LARGE,
        format!(
            "bodies of up to {cap} bytes are taken; compress the report (gzip, zstd), or use bartizan import"
        ),
    )
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    async fn length(body: Body, cap: u64) -> Result<usize, &'static str> {
        let mut text = String::new();
        spool(body, cap).await.map_err(|fault| fault.code.name)?.read_to_string(&mut text).unwrap();
        Ok(text.len())
    }

    #[tokio::test]
    async fn a_body_is_taken_up_to_the_cap() {
        assert_eq!(length(Body::from("12345678"), 8).await, Ok(8));
        assert_eq!(length(Body::empty(), 8).await, Ok(0));
        assert_eq!(length(Body::from("123456789"), 8).await, Err("body_too_large"));
    }
}
