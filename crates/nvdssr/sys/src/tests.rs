use std::mem::{offset_of, size_of};

use super::{NvDsSRContext as Context, NvDsSRInitParams as InitParams, NvDsSRRecordingInfo as Info};

/// As a C compiler lays out NVIDIA's header (DeepStream 9.1, x86-64, gcc 12).
#[test]
fn layouts_are_nvidia_s() {
    assert_eq!([size_of::<InitParams>(), size_of::<Context>(), size_of::<Info>()], [48, 128, 72]);
    let init = [
        offset_of!(InitParams, callback),
        offset_of!(InitParams, containerType),
        offset_of!(InitParams, width),
        offset_of!(InitParams, height),
        offset_of!(InitParams, fileNamePrefix),
        offset_of!(InitParams, dirpath),
        offset_of!(InitParams, defaultDuration),
    ];
    assert_eq!(init, [0, 8, 12, 16, 24, 32, 40]);
    let context = [
        offset_of!(Context, recordbin),
        offset_of!(Context, recordQue),
        offset_of!(Context, encodebin),
        offset_of!(Context, filesink),
        offset_of!(Context, gotKeyFrame),
        offset_of!(Context, recordOn),
        offset_of!(Context, resetDone),
        offset_of!(Context, isPlaying),
        offset_of!(Context, initParams),
        offset_of!(Context, flowLock),
        offset_of!(Context, resetThread),
        offset_of!(Context, uData),
        offset_of!(Context, privData),
    ];
    assert_eq!(context, [0, 8, 16, 24, 32, 36, 40, 44, 48, 96, 104, 112, 120]);
    let info = [
        offset_of!(Info, ctx),
        offset_of!(Info, sessionId),
        offset_of!(Info, filename),
        offset_of!(Info, dirpath),
        offset_of!(Info, duration),
        offset_of!(Info, containerType),
        offset_of!(Info, width),
        offset_of!(Info, height),
        offset_of!(Info, containsVideo),
        offset_of!(Info, channels),
        offset_of!(Info, samplingRate),
        offset_of!(Info, containsAudio),
    ];
    assert_eq!(info, [0, 8, 16, 24, 32, 40, 44, 48, 52, 56, 60, 64]);
}
