//! Makes a contact sheet: the first, middle and last frame of each recording in one PNG, for people to look at.
//! One row per recording, each frame labelled with the file, its number and its time.
//! Left to others: any judgement (`judge`).

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::Arc;

use gst_video::prelude::*;
use parking_lot::Mutex;

use crate::Error;
use crate::decode::{Branch, decode_file};
use crate::judge::{Decoded, decode};

/// Width of one frame on the sheet in pixels; the height keeps the recording's shape.
const CELL_WIDTH: usize = 480;
/// White space around the frames in pixels.
const MARGIN: usize = 8;
/// Bytes per pixel of 8-bit RGB.
const RGB: usize = 3;

/// A row of equally large RGB pictures, without padding between their lines.
struct Row {
    height: usize,
    pictures: Vec<Vec<u8>>,
}

/// Writes the first, middle and last frame of each recording into one PNG, a row for each recording.
///
/// # Errors
/// [`Error::Recording`] for a recording without video, [`Error::Gst`] for one that cannot be decoded,
/// [`Error::Io`] when the PNG cannot be written.
pub fn contact_sheet(recordings: &[impl AsRef<Path>], png: &Path) -> Result<(), Error> {
    let rows = recordings.iter().map(|path| take_row(&decode(path.as_ref())?)).collect::<Result<Vec<_>, _>>()?;
    write_png(&rows, png).map_err(|e| Error::io("write the contact sheet", png, e))
}

/// Decodes a recording once more and keeps the three frames, scaled and labelled.
fn take_row(recording: &Decoded) -> Result<Row, Error> {
    let video = recording.video()?;
    let count = video.frames.len();
    let wanted = [0, count / 2, count.saturating_sub(1)];
    let height = CELL_WIDTH * video.height as usize / (video.width as usize).max(1);
    // Even, as every chroma format can bear.
    let height = height.next_multiple_of(2);
    let labels: Vec<String> = video
        .frames
        .iter()
        .enumerate()
        .map(|(index, frame)| {
            let seconds = frame.pts_ns as f64 / 1e9;
            format!("{} of {count} at {seconds:.3} s", index + 1)
        })
        .collect();
    let pictures = Arc::new(Mutex::new(Vec::new()));
    let keep = {
        let pictures = Arc::clone(&pictures);
        let mut index = 0;
        move |sample: &gst::Sample| {
            if wanted.contains(&index) {
                pictures.lock().extend(tight_rgb(sample).map(|picture| (index, picture)));
            }
            index += 1;
        }
    };
    decode_file(
        &recording.path,
        vec![Branch {
            kind: "video/",
            filter: format!(
                "videoconvert ! videoscale \
                 ! video/x-raw,format=RGB,width={CELL_WIDTH},height={height},pixel-aspect-ratio=1/1"
            ),
            sample: Box::new(keep),
        }],
    )?;
    let taken = std::mem::take(&mut *pictures.lock());
    let name = recording.path.file_name().unwrap_or_default().to_string_lossy();
    let pictures = wanted
        .iter()
        .map(|index| {
            let picture = taken.iter().find(|(taken, _)| taken == index);
            let label = labels.get(*index).map_or("", String::as_str);
            let picture = picture.ok_or_else(|| Error::Recording {
                path: recording.path.clone(),
                fault: format!("frame {index} was decoded once but not again"),
            })?;
            with_label(&picture.1, height, &format!("{name}\nframe {label}"))
        })
        .collect::<Result<_, _>>()?;
    Ok(Row { height, pictures })
}

/// Writes text across the middle of an RGB picture, where neither counter nor clock is.
fn with_label(picture: &[u8], height: usize, text: &str) -> Result<Vec<u8>, Error> {
    let fail = |e: &dyn std::fmt::Display| Error::gst("label a contact sheet", e);
    let description = format!(
        "appsrc name=in format=time caps=video/x-raw,format=RGB,width={CELL_WIDTH},height={height},framerate=1/1 \
         ! videoconvert ! textoverlay name=text halignment=center valignment=center \
         font-desc=\"Sans 14\" shaded-background=true ! videoconvert ! video/x-raw,format=RGB \
         ! appsink name=out sync=false"
    );
    let pipeline = gst::parse::launch(&description)
        .map_err(|e| fail(&e))?
        .downcast::<gst::Pipeline>()
        .map_err(|_| fail(&"not a pipeline"))?;
    let (Some(input), Some(output), Some(label)) = (
        pipeline.by_name("in").and_downcast::<gst_app::AppSrc>(),
        pipeline.by_name("out").and_downcast::<gst_app::AppSink>(),
        pipeline.by_name("text"),
    ) else {
        return Err(fail(&"an element is missing"));
    };
    label.set_property("text", text);
    let sample = (|| {
        pipeline.set_state(gst::State::Playing).map_err(|e| fail(&e))?;
        // GStreamer's RGB lines are padded to four bytes; our cell width needs no padding.
        let mut buffer = gst::Buffer::from_slice(picture.to_vec());
        buffer.make_mut().set_pts(gst::ClockTime::ZERO);
        buffer.make_mut().set_duration(gst::ClockTime::SECOND);
        input.push_buffer(buffer).map_err(|e| fail(&e))?;
        input.end_of_stream().map_err(|e| fail(&e))?;
        output
            .try_pull_sample(gst::ClockTime::try_from(crate::HANG_GUARD).ok())
            .and_then(|sample| tight_rgb(&sample))
            .ok_or_else(|| fail(&"no picture came out"))
    })();
    let stopped = pipeline.set_state(gst::State::Null);
    let sample = sample?;
    stopped.map_err(|e| fail(&e))?;
    Ok(sample)
}

/// An RGB picture without the padding of its lines. None: not the picture that its caps promise.
fn tight_rgb(sample: &gst::Sample) -> Option<Vec<u8>> {
    let info = gst_video::VideoInfo::from_caps(sample.caps()?).ok()?;
    let picture = gst_video::VideoFrameRef::from_buffer_ref_readable(sample.buffer()?, &info).ok()?;
    let stride = *picture.plane_stride().first()? as usize;
    let (width, height) = (info.width() as usize * RGB, info.height() as usize);
    let lines = picture.plane_data(0).ok()?.chunks(stride).take(height);
    let tight: Vec<u8> = lines.filter_map(|line| line.get(..width)).flatten().copied().collect();
    (tight.len() == width * height).then_some(tight)
}

fn write_png(rows: &[Row], png: &Path) -> std::io::Result<()> {
    let columns = rows.iter().map(|row| row.pictures.len()).max().unwrap_or(0);
    let width = MARGIN + columns * (CELL_WIDTH + MARGIN);
    let height = MARGIN + rows.iter().map(|row| row.height + MARGIN).sum::<usize>();
    let mut sheet = vec![255; width * height * RGB];
    let mut top = MARGIN;
    for row in rows {
        for (column, picture) in row.pictures.iter().enumerate() {
            let left = MARGIN + column * (CELL_WIDTH + MARGIN);
            for (y, line) in picture.chunks(CELL_WIDTH * RGB).enumerate() {
                let start = ((top + y) * width + left) * RGB;
                sheet[start..start + line.len()].copy_from_slice(line);
            }
        }
        top += row.height + MARGIN;
    }
    let mut encoder = png::Encoder::new(BufWriter::new(File::create(png)?), width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&sheet)?;
    writer.finish()?;
    Ok(())
}
