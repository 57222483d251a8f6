//! `NvDsSmartRecordExt`: what the extension registers.
