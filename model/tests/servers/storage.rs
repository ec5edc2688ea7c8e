//! Two servers: a file system whose files are local servers, on a disk.

use warren::{
    Cx, Kept, New, Out, Ref, Req, Required, Server, StartError, SystemError, local, server,
};
use warren_idl::{BlockDevice, BlockError, Directory, File, FileError, FileStatus, FileSystem};

use crate::engine::{Loaded, Session};

stubs! {
    "wcall.b10c0001.2.BlockDevice.read.wo_n" read_block 2 (first buffer length) plain
    "wcall.b10c0001.3.BlockDevice.write.wi_n" write_block 3 (first buffer length) plain
    "wcall.f11e0002.0.FileSystem.open.i_r4045275137" open 0 (path length) reference
    "wcall.f11e0001.0.File.size._w" size 0 () plain
    "wcall.f11e0001.1.File.read.wo_w" read 1 (offset buffer length) plain
    "wcall.f11e0001.2.File.write.wi_w" write 2 (offset buffer length) plain
    "wcall.f11e0001.3.File.status.t40_n" status 3 (result) plain
}

const BLOCK: usize = 512;

/// A disk of four blocks.
#[server(provides(BlockDevice))]
pub struct SmallDisk {
    bytes: [[u8; BLOCK]; 4],
}

impl Server for SmallDisk {
    type Required = ();

    fn new(_cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Ok(SmallDisk { bytes: [[0; BLOCK]; 4] })
    }
}

impl BlockDevice for SmallDisk {
    fn block_bytes(_cx: &mut Cx<'_, Self>) -> Result<u32, BlockError> {
        Ok(BLOCK as u32)
    }

    fn blocks(cx: &mut Cx<'_, Self>) -> Result<u64, BlockError> {
        Ok(cx.bytes.len() as u64)
    }

    fn read(cx: &mut Cx<'_, Self>, first: u64, mut buffer: Out<'_>) -> Result<(), BlockError> {
        buffer.fill_from(cx.bytes.get(first as usize).ok_or(BlockError::OutOfRange)?);
        Ok(())
    }

    fn write(cx: &mut Cx<'_, Self>, first: u64, buffer: &[u8]) -> Result<(), BlockError> {
        cx.bytes.get_mut(first as usize).ok_or(BlockError::OutOfRange)?.copy_from_slice(buffer);
        Ok(())
    }

    fn flush(_cx: &mut Cx<'_, Self>) -> Result<(), BlockError> {
        Ok(())
    }
}

#[derive(Required)]
pub struct Needs {
    disk: Req<dyn BlockDevice>,
}

/// File n is block n + 1; block 0 has the lengths.
#[server(provides(FileSystem), locals(OpenFile))]
pub struct ToyFs {
    lengths: [u8; 8],
}

#[local(provides = File, parent = ToyFs)]
pub struct OpenFile {
    slot: usize,
}

impl Server for ToyFs {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let mut block = [0; BLOCK];
        cx.req().disk.read(cx, 0, &mut block)?;
        let mut lengths = [0; 8];
        lengths.copy_from_slice(&block[..8]);
        Ok(ToyFs { lengths })
    }
}

impl ToyFs {
    fn write_lengths(cx: &mut Cx<'_, OpenFile>) -> Result<(), FileError> {
        let mut block = [0; BLOCK];
        block[..8].copy_from_slice(&cx.parent().lengths);
        Ok(cx.req().disk.write(cx, 0, &block)?)
    }
}

impl FileSystem for ToyFs {
    fn open<'f>(cx: &mut Cx<'f, Self>, path: &str) -> Result<Ref<'f, dyn File>, FileError> {
        let slot = path.strip_prefix("/").and_then(|name| name.parse().ok());
        let slot = slot.filter(|slot| *slot < cx.lengths.len()).ok_or(FileError::NotFound)?;
        Ok(cx.spawn(OpenFile { slot })?)
    }

    fn directory<'f>(
        _cx: &mut Cx<'f, Self>,
        _path: &str,
    ) -> Result<Ref<'f, dyn Directory>, FileError> {
        Err(FileError::Unsupported)
    }

    fn status(_cx: &mut Cx<'_, Self>, _path: &str) -> Result<FileStatus, FileError> {
        Err(FileError::Unsupported)
    }
}

impl File for OpenFile {
    fn size(cx: &mut Cx<'_, Self>) -> Result<u64, FileError> {
        let slot = cx.slot;
        Ok(cx.parent().lengths[slot].into())
    }

    fn read(cx: &mut Cx<'_, Self>, offset: u64, mut buffer: Out<'_>) -> Result<u64, FileError> {
        let length = Self::size(cx)? as usize;
        let mut block = [0; BLOCK];
        cx.req().disk.read(cx, cx.slot as u64 + 1, &mut block)?;
        let contents = &block[..length];
        Ok(buffer.fill_from(contents.get(offset as usize..).unwrap_or_default()) as u64)
    }

    fn write(cx: &mut Cx<'_, Self>, offset: u64, bytes: &[u8]) -> Result<u64, FileError> {
        let number = cx.slot as u64 + 1;
        let mut block = [0; BLOCK];
        cx.req().disk.read(cx, number, &mut block)?;
        let end = offset as usize + bytes.len();
        block[offset as usize..end].copy_from_slice(bytes);
        cx.req().disk.write(cx, number, &block)?;
        let (file, file_system) = cx.split();
        let length = &mut file_system.lengths[file.slot];
        *length = (*length).max(end as u8);
        ToyFs::write_lengths(cx)?;
        Ok(bytes.len() as u64)
    }

    fn status(cx: &mut Cx<'_, Self>) -> Result<FileStatus, FileError> {
        let bytes = Self::size(cx)?;
        Ok(FileStatus { bytes, kind: FileStatus::FILE, ..Default::default() })
    }
}

fn two_servers(session: &Session) -> (Loaded, Loaded) {
    let disk = session.load::<SmallDisk>(&[]).unwrap();
    let files = session.load::<ToyFs>(&[disk.root(0)]).unwrap();
    (disk, files)
}

#[test]
fn what_is_written_to_a_file_is_read_from_another_that_was_opened_by_the_same_name() {
    let session = Session::begin();
    let (_, files) = two_servers(&session);
    session.run(|cx| {
        let files = files.get::<dyn FileSystem, _>(cx);
        let file = files.open(cx, "/2").unwrap();
        assert_eq!(file.write(cx, 0, b"some bytes"), Ok(10));
        assert_eq!(file.write(cx, 5, b"words"), Ok(5));
        let mut buffer = [0; 20];
        assert_eq!(files.open(cx, "/2").unwrap().read(cx, 1, &mut buffer), Ok(9));
        assert_eq!(&buffer[..9], b"ome words");
        let status = files.open(cx, "/2").unwrap().status(cx).unwrap();
        assert_eq!((status.bytes, status.kind), (10, FileStatus::FILE));
    });
}

#[test]
fn what_a_file_system_wrote_its_successor_finds() {
    let session = Session::begin();
    let (disk, files) = two_servers(&session);
    session.run(|cx| {
        let file = files.get::<dyn FileSystem, _>(cx).open(cx, "/0").unwrap();
        file.write(cx, 0, b"kept").unwrap();
    });
    let successor = session.load::<ToyFs>(&[disk.root(0)]).unwrap();
    session.run(|cx| {
        let file = successor.get::<dyn FileSystem, _>(cx).open(cx, "/0").unwrap();
        assert_eq!(file.size(cx), Ok(4));
    });
}

#[test]
fn a_file_is_closed_when_its_last_reference_goes() {
    let session = Session::begin();
    let (_, files) = two_servers(&session);
    let mut kept: Option<Kept<dyn File>> = None;
    session.run(|cx| {
        let files = files.get::<dyn FileSystem, _>(cx);
        files.open(cx, "/0").unwrap();
        kept = Some(files.open(cx, "/1").unwrap().keep().unwrap());
        assert_eq!(session.alive(), 4);
    });
    assert_eq!(session.alive(), 3);
    session.run(|cx| assert_eq!(kept.as_ref().unwrap().get(cx).unwrap().size(cx), Ok(0)));
    session.run(|_| kept = None);
    assert_eq!(session.alive(), 2);
}

#[test]
fn an_open_file_keeps_its_file_system() {
    let session = Session::begin();
    let (_, files) = two_servers(&session);
    let mut file = None;
    session.run(|cx| {
        let files = files.get::<dyn FileSystem, _>(cx);
        file = Some(files.open(cx, "/1").unwrap().keep().unwrap());
    });
    files.release();
    session.run(|cx| {
        let file = file.as_ref().unwrap().get(cx).unwrap();
        assert_eq!(file.write(cx, 0, b"x"), Ok(1));
    });
    session.run(|_| file = None);
}

#[test]
fn an_error_of_the_disk_becomes_one_of_the_file_system() {
    let session = Session::begin();
    let (disk, files) = two_servers(&session);
    session.run(|cx| {
        let files = files.get::<dyn FileSystem, _>(cx);
        assert_eq!(files.open(cx, "/9").err(), Some(FileError::NotFound));
        let file = files.open(cx, "/7").unwrap();
        assert_eq!(file.read(cx, 0, &mut []), Err(FileError::Corrupt));
        session.kill(disk.root(0));
        assert_eq!(file.read(cx, 0, &mut []), Err(FileError::System(SystemError::Lost)));
    });
}

#[test]
fn a_constructor_that_fails_says_why_in_its_number() {
    let session = Session::begin();
    let disk = session.load::<SmallDisk>(&[]).unwrap();
    session.kill(disk.root(0));
    assert_eq!(session.load::<ToyFs>(&[disk.root(0)]).err(), Some(SystemError::Lost.number()));
}
